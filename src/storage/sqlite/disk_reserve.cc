// SPDX-License-Identifier: Apache-2.0
#include "storage/sqlite/disk_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/posix/file_descriptor.h"

namespace tepui::storage {
namespace {

constexpr off_t kBlockBytes = 512;  // The unit of st_blocks.

bool IsWhole(const std::string& path) {
  struct stat about{};
  return stat(path.c_str(), &about) == 0 && about.st_blocks * kBlockBytes >= DiskReserve::kBytes;
}

}  // namespace

DiskReserve::DiskReserve(std::string path) : path_(std::move(path)), held_(IsWhole(path_)) {}

bool DiskReserve::Hold() {
  const FileDescriptor file(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  held_ = file.valid() && posix_fallocate(file.get(), 0, 2 * kBytes) == 0 &&
          ftruncate(file.get(), kBytes) == 0;
  if (!held_) Release();
  return held_;
}

void DiskReserve::Release() {
  unlink(path_.c_str());
  held_ = false;
}

}  // namespace tepui::storage
