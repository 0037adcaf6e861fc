// SPDX-License-Identifier: Apache-2.0
#include "storage/store_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "base/posix/file_lock.h"
#include "storage/limits.h"

namespace tepui::storage {

Result<StoreLock> StoreLock::Acquire(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return Fail(Code::kUnavailable, "Cannot write '{}': {}", path, std::strerror(errno));
  }
  if (TakeLock(file)) {
    const std::string holder = ThisProcess();
    // The name is only for people; the lock holds without it, for example if the disk is full.
    if (ftruncate(file.get(), 0) == 0) {
      std::ignore = pwrite(file.get(), holder.data(), holder.size(), 0);
    }
    return StoreLock(std::move(file));
  }
  if (errno != EWOULDBLOCK) {
    return Fail(Code::kUnavailable, "Cannot lock '{}': {}", path, std::strerror(errno));
  }
  std::array<char, 512> holder{};
  const ssize_t size = pread(file.get(), holder.data(), holder.size(), 0);
  return Fail(Code::kUnavailable, "The store is in use by {}; '{}' is its lock",
              size > 0 ? std::string(holder.data(), static_cast<size_t>(size)) : "another process",
              path);
}

}  // namespace tepui::storage
