// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/posix/file_descriptor.h"
#include "base/result.h"

namespace tepui::storage {

// The right of one process to write a store's file. It is held until destruction or until the
// process ends, however that happens. A file beside the store names the holder; the file is never
// removed.
class StoreLock {
 public:
  // Waits as long as TakeLock does. Returns kUnavailable, naming the holder or the reason why the
  // file cannot be created.
  static Result<StoreLock> Acquire(const std::string& path);

 private:
  explicit StoreLock(FileDescriptor file) : file_(std::move(file)) {}

  FileDescriptor file_;
};

}  // namespace tepui::storage
