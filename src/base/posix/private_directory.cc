// SPDX-License-Identifier: Apache-2.0
#include "base/posix/private_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/posix/file_lock.h"

namespace tepui {
namespace {

constexpr mode_t kOursOnly = 0700;
constexpr mode_t kParentMode = 0755;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

// Creates the parents of `path`; an error shows when `path` itself is made.
void MakeParents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    mkdir(path.substr(0, slash).c_str(), kParentMode);
  }
}

Status Make(const std::string& path, mode_t mode) {
  MakeParents(path);
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return Fail(Code::kInternal, "Cannot create directory '{}': {}", path, std::strerror(errno));
}

// Returns " (pid 12)" for the process that locked the file, or nothing if the kernel does not say.
std::string HolderOf(const struct stat& file) {
  std::ifstream locks("/proc/locks");
  const std::string place =
      fmt::format(" {:02x}:{:02x}:{} ", major(file.st_dev), minor(file.st_dev), file.st_ino);
  for (std::string line; std::getline(locks, line);) {
    const size_t found = line.find(place);
    if (found == std::string::npos || line.find(" FLOCK ") == std::string::npos) continue;
    const size_t begin = line.rfind(' ', found - 1);
    return fmt::format(" (pid {})", line.substr(begin + 1, found - begin - 1));
  }
  return "";
}

// Returns what is wrong with a directory or link that others must not be able to exchange; empty
// if nothing is.
std::string WhoElseHas(const struct stat& about) {
  if (about.st_uid != 0 && about.st_uid != geteuid()) {
    return fmt::format("belongs to the user with id {}", about.st_uid);
  }
  const bool open = S_ISDIR(about.st_mode) && (about.st_mode & kWritableByOthers) != 0;
  return open && (about.st_mode & S_ISVTX) == 0 ? "can be written by other users" : "";
}

// Looks at every part of the path that exists.
Status CheckParts(const std::string& path) {
  for (size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    struct stat about{};
    if (lstat(part.c_str(), &about) != 0) return {};
    const std::string wrong = WhoElseHas(about);
    if (!wrong.empty()) {
      return Fail(Code::kInvalid, "'{}' {}, who could exchange '{}'", part, wrong, path);
    }
  }
  return {};
}

// The same for a path behind links.
Status CheckOwn(const std::string& path) {
  if (Status checked = CheckParts(path); !checked) return checked;
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  return error ? Status(Fail(Code::kInvalid, "'{}' leads nowhere: {}", path, error.message()))
               : CheckParts(real.string());
}

}  // namespace

Result<PrivateDirectory> PrivateDirectory::Take(const std::string& path, const Use& use) {
  if (Status made = Make(path, kOursOnly); !made) return Fail(made.error());
  FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat about{};
  if (!directory.valid() || fstat(directory.get(), &about) != 0) {
    return Fail(Code::kInvalid, "Cannot open the directory '{}': {}", path, std::strerror(errno));
  }
  if (about.st_uid != geteuid()) {
    return Fail(Code::kInvalid,
                "'{}' belongs to the user with id {}, who could change what the agent keeps there; "
                "remove it or choose another {}",
                path, about.st_uid, use.flag);
  }
  if ((about.st_mode & kWritableByOthers) != 0) {
    return Fail(Code::kInvalid,
                "'{}' can be written by other users (its mode is {:o}), who may have left anything "
                "there; remove it or choose another {}",
                path, about.st_mode & 07777, use.flag);
  }
  if (fchmod(directory.get(), kOursOnly) != 0) {
    return Fail(Code::kInternal, "Cannot close '{}' to others: {}", path, std::strerror(errno));
  }
  if (!TakeLock(directory)) {
    return Fail(Code::kConflict,
                "Another agent{} {} in '{}'; stop it, or give this one a {} of its own",
                HolderOf(about), use.purpose, path, use.flag);
  }
  return PrivateDirectory(path, std::move(directory));
}

Status MakeOwnDirectory(const std::string& path) {
  // Before anything is made, and again for what somebody made meanwhile.
  if (Status checked = CheckOwn(path); !checked) return checked;
  if (Status made = Make(path, kParentMode); !made) return made;
  return CheckOwn(path);
}

}  // namespace tepui
