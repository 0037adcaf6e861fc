// SPDX-License-Identifier: Apache-2.0
#include "storage/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "storage/limits.h"

namespace tepui::storage {

Result<FileLock> FileLock::Acquire(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Fail(Code::kUnavailable, "Cannot write '{}': {}", path, std::strerror(errno));
  }
  FileLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    const std::string holder = ThisProcess();
    // The name is only for people; the lock holds without it, for example if the disk is full.
    if (ftruncate(fd, 0) == 0) std::ignore = pwrite(fd, holder.data(), holder.size(), 0);
    return lock;
  }
  if (errno != EWOULDBLOCK) {
    return Fail(Code::kUnavailable, "Cannot lock '{}': {}", path, std::strerror(errno));
  }
  std::array<char, 512> holder{};
  const ssize_t size = pread(fd, holder.data(), holder.size(), 0);
  return Fail(Code::kUnavailable, "The store is in use by {}; '{}' is its lock",
              size > 0 ? std::string(holder.data(), static_cast<size_t>(size)) : "another process",
              path);
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace tepui::storage
