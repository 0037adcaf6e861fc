// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace tepui::storage {

// The right of one process to write a store's file. It is held until destruction or until the
// process ends, however that happens. A file beside the store names the holder; the file is never
// removed.
class FileLock {
 public:
  // Returns kUnavailable, naming the holder or the reason why the file cannot be created.
  static Result<FileLock> Acquire(const std::string& path);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace tepui::storage
