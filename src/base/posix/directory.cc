// SPDX-License-Identifier: Apache-2.0
#include "base/posix/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/posix/tree_remover.h"

namespace tepui {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;

struct CloseListing {
  void operator()(DIR* listing) const { closedir(listing); }
};

std::string RandomLinkName() {
  uint64_t bits = 0;
  (void)!getrandom(&bits, sizeof(bits), 0);
  return fmt::format(".link.{:016x}", bits);
}

}  // namespace

std::pair<std::string, std::string> SplitPath(const std::string& path) {
  const size_t end = path.find_last_not_of('/') + 1;
  const size_t slash = end == 0 ? std::string::npos : path.rfind('/', end - 1);
  if (slash == std::string::npos) return {"", path.substr(0, end)};
  return {path.substr(0, slash), path.substr(slash + 1, end - slash - 1)};
}

Result<Directory> Directory::Open(const std::string& path) {
  FileDescriptor fd(open(path.c_str(), kOpenDirectory));
  if (fd.valid()) return Directory(std::move(fd), path);
  return Fail(errno == ENOENT ? Code::kNotFound : Code::kInternal, "Cannot open directory '{}': {}",
              path, std::strerror(errno));
}

Result<Directory> Directory::Make(const std::string& path, mode_t mode) {
  const std::string whole = std::filesystem::absolute(path).lexically_normal().string();
  std::string existing = whole;
  auto opened = Open(existing);
  while (!opened && opened.error().code == Code::kNotFound && existing.size() > 1) {
    std::string parent = SplitPath(existing).first;
    existing = parent.empty() ? std::string(1, '/') : std::move(parent);
    opened = Open(existing);
  }
  if (!opened || existing == whole) return opened;
  return opened->MakeDirectories(whole.substr(existing.size()), mode);
}

std::string Directory::PathOf(const std::string& path) const {
  if (path.empty()) return path_;
  return path_.ends_with('/') || path.starts_with('/') ? path_ + path : path_ + "/" + path;
}

std::unexpected<Error> Directory::Failure(std::string_view what, const std::string& path) const {
  const int error = errno;
  const std::string whole = PathOf(path);
  switch (error) {
    case ENOENT:
      return Fail(Code::kNotFound, "Cannot {} '{}': it, or a directory on the way, is missing",
                  what, whole);
    case ENOTDIR:
      return Fail(Code::kNotFound, "Cannot {} '{}': it, or a part on the way, is not a directory",
                  what, whole);
    case ELOOP:
      return Fail(Code::kForbidden,
                  "Cannot {} '{}': a symbolic link is on the way, and none is followed below '{}'",
                  what, whole, path_);
    case EXDEV:
      return Fail(Code::kForbidden, "Cannot {} '{}': that is not below '{}'", what, whole, path_);
    case ENOSYS:
      return Fail(Code::kInternal,
                  "Cannot {} '{}': the kernel has no openat2, so Linux 5.6 or later is needed",
                  what, whole);
    default:
      return Fail(Code::kInternal, "Cannot {} '{}': {}", what, whole, std::strerror(error));
  }
}

// Sets errno if it returns no valid descriptor.
FileDescriptor Directory::OpenAt(const std::string& path, int flags) const {
  const size_t begin = path.find_first_not_of('/');
  if (path.find('\0') != std::string::npos) {
    errno = EINVAL;
    return {};
  }
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const char* relative = begin == std::string::npos ? "." : path.c_str() + begin;
  return FileDescriptor(
      static_cast<int>(syscall(SYS_openat2, fd_.get(), relative, &how, sizeof(how))));
}

Result<Directory> Directory::OpenBeneath(const std::string& path) const {
  FileDescriptor fd = OpenAt(path, O_RDONLY | O_DIRECTORY);
  if (!fd.valid()) return Failure("open directory", path);
  return Directory(std::move(fd), PathOf(path));
}

Result<FileDescriptor> Directory::OpenFile(const std::string& path) const {
  FileDescriptor fd = OpenAt(path, O_RDONLY);
  if (!fd.valid() && errno != ENXIO) return Failure("open", path);  // ENXIO: it is a socket.
  struct stat about;
  if (fd.valid() && fstat(fd.get(), &about) == 0 && S_ISREG(about.st_mode)) return fd;
  return Fail(Code::kInvalid, "'{}' is not a plain file", PathOf(path));
}

Result<Directory> Directory::MakeOne(const std::string& name, mode_t mode) const {
  const bool made = mkdirat(fd_.get(), name.c_str(), mode) == 0;
  if (!made && errno != EEXIST) return Failure("create directory", name);
  Result<Directory> directory = OpenBeneath(name);
  if (!directory || !made || fchmod(directory->fd_.get(), mode) == 0) return directory;
  return Failure("set the mode of directory", name);
}

// Starts at the end, because most of a deep path exists.
Result<Directory> Directory::MakeDirectories(const std::string& path, mode_t mode) const {
  std::vector<std::string> missing;
  std::string existing = path;
  Result<Directory> directory = OpenBeneath(existing);
  while (!directory && directory.error().code == Code::kNotFound && !existing.empty()) {
    auto [parent, name] = SplitPath(existing);
    missing.push_back(std::move(name));
    existing = std::move(parent);
    directory = OpenBeneath(existing);
  }
  while (directory && !missing.empty()) {
    const std::string name = std::move(missing.back());
    missing.pop_back();
    directory = directory->MakeOne(name, missing.empty() ? mode : kParentMode);
  }
  return directory;
}

Status Directory::GiveTo(uid_t uid, gid_t gid) const {
  if (fchown(fd_.get(), uid, gid) == 0) return {};
  return Fail(Code::kInternal, "Cannot give directory '{}' to the user with id {}: {}", path_, uid,
              std::strerror(errno));
}

Status Directory::ReplaceLink(const std::string& target, const std::string& name) const {
  if (symlinkat(target.c_str(), fd_.get(), name.c_str()) == 0) return {};  // As for a new task.
  if (errno != EEXIST) return Failure("create the link", name);
  const Result<struct stat> about = Stat(name);
  if (about && !S_ISLNK(about->st_mode)) {
    return Fail(Code::kInvalid, "Cannot link '{}' to '{}': there is something else already",
                PathOf(name), target);
  }
  // The name is not one that a task can have chosen for a file of its own.
  const std::string temporary = RandomLinkName();
  if (symlinkat(target.c_str(), fd_.get(), temporary.c_str()) != 0) {
    return Failure("create the link", temporary);
  }
  if (renameat(fd_.get(), temporary.c_str(), fd_.get(), name.c_str()) == 0) return {};
  auto failure = Failure("replace the link", name);
  unlinkat(fd_.get(), temporary.c_str(), 0);
  return failure;
}

Status Directory::Rename(const std::string& name, const Directory& to,
                         const std::string& new_name) const {
  if (renameat(fd_.get(), name.c_str(), to.fd_.get(), new_name.c_str()) == 0) return {};
  return Failure(fmt::format("move to '{}'", to.PathOf(new_name)), name);
}

Result<struct stat> Directory::Stat(const std::string& name) const {
  struct stat about;
  if (fstatat(fd_.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0) {
    return about;
  }
  return Failure("look at", name);
}

Result<std::vector<std::string>> Directory::List(size_t max) const {
  FileDescriptor again = OpenAt("", O_RDONLY | O_DIRECTORY);
  const std::unique_ptr<DIR, CloseListing> listing(again.valid() ? fdopendir(again.get())
                                                                 : nullptr);
  if (listing == nullptr) return Failure("list", "");
  again.Release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == max) {
      return Fail(Code::kTooLarge, "'{}' holds more than {} entries, so it is not listed", path_,
                  max);
    }
    names.emplace_back(name);
  }
  if (errno != 0) return Failure("list", "");
  return names;
}

Status Directory::RemoveTree(const std::string& path) const {
  const auto [parent_path, name] = SplitPath(path);
  const Result<Directory> parent = OpenBeneath(parent_path);
  if (!parent && parent.error().code == Code::kNotFound) return {};
  if (!parent) return Fail(parent.error());
  if (unlinkat(parent->fd_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  const Result<Directory> tree = parent->OpenBeneath(name);
  if (!tree) return Fail(tree.error());
  const Status emptied = tree->RemoveContents();
  if (unlinkat(parent->fd_.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return emptied ? Failure("remove", path) : emptied;
}

Status Directory::RemoveContents() const {
  FileDescriptor again = OpenAt("", O_RDONLY | O_DIRECTORY);
  if (!again.valid()) return Failure("open", "");
  TreeRemover remover(std::move(again));
  const TreeRemover::Failure& failure = remover.Run();
  if (failure.error == 0) return {};
  errno = failure.error;
  return Failure("remove", failure.path);
}

Status Directory::Sync() const {
  if (fsync(fd_.get()) == 0) return {};
  return Fail(Code::kInternal, "Cannot flush directory '{}' to the disk: {}", path_,
              std::strerror(errno));
}

}  // namespace tepui
