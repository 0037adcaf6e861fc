// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

namespace tepui::storage {

// A file that occupies some megabytes of a disk, so that there is room for what must be written
// when everybody else has filled the disk. Blocks on the disk. One thread at a time.
class DiskReserve {
 public:
  static constexpr off_t kBytes = 8 << 20;

  // The file at `path` may be there from an earlier process, and counts as held then.
  explicit DiskReserve(std::string path);

  bool held() const { return held_; }
  // Occupies the room; returns false, and leaves no file, unless there is twice as much: a reserve
  // that took the last free room would have to be released again at once.
  bool Hold();
  // Gives the room back.
  void Release();

 private:
  const std::string path_;
  bool held_ = false;
};

}  // namespace tepui::storage
