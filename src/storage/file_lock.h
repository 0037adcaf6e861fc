#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace tepui::storage {

// The right of one process to write a store's file, held until destruction or the process' end,
// however it ends. A file beside the store says who holds it; it is left there.
class FileLock {
 public:
  // kUnavailable with who holds it; or what keeps the file from being made.
  static Result<FileLock> Acquire(const std::string& path);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace tepui::storage
