// SPDX-License-Identifier: Apache-2.0
#include "containers/sandbox/local_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "base/posix/file_descriptor.h"

namespace tepui::containers {
namespace {

constexpr mode_t kParentMode = 0755;
constexpr mode_t kSandboxMode = 0750;
constexpr size_t kMaxPending = 256;  // Per level of a tree.
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

// Starts at the nearest existing parent: most of a deep path exists.
Status MakeParents(const std::string& path) {
  std::vector<std::string> missing;
  for (size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    missing.push_back(path.substr(0, slash));
    if (mkdir(missing.back().c_str(), kParentMode) == 0 || errno == EEXIST) {
      missing.pop_back();
      break;
    }
    if (errno != ENOENT) {
      return Fail(Code::kInternal, "Cannot create directory '{}': {}", missing.back(),
                  std::strerror(errno));
    }
  }
  for (; !missing.empty(); missing.pop_back()) {
    if (mkdir(missing.back().c_str(), kParentMode) != 0 && errno != EEXIST) {
      return Fail(Code::kInternal, "Cannot create directory '{}': {}", missing.back(),
                  std::strerror(errno));
    }
  }
  return {};
}

// Replaces a link atomically, so that readers see the old or the new one. Anything but a link is
// left as it is.
Status ReplaceLink(const std::string& target, const std::string& link) {
  if (symlink(target.c_str(), link.c_str()) == 0) return {};  // No link yet, as for a new task.
  struct stat about;
  if (lstat(link.c_str(), &about) == 0 && !S_ISLNK(about.st_mode)) {
    return Fail(Code::kInvalid, "Cannot link '{}' to '{}': there is something else already", link,
                target);
  }
  std::string temporary = link + ".new";
  unlink(temporary.c_str());
  if (symlink(target.c_str(), temporary.c_str()) == 0) {
    if (rename(temporary.c_str(), link.c_str()) == 0) return {};
    int error = errno;
    unlink(temporary.c_str());
    errno = error;
  }
  return Fail(Code::kInternal, "Cannot link '{}' to '{}': {}", link, target, std::strerror(errno));
}

// Syncs what was created, renamed or removed in the directory at `path`; a missing directory is
// success.
Status SyncDirectory(const std::string& path) {
  const FileDescriptor directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() && errno == ENOENT) return {};
  if (directory.valid() && fsync(directory.get()) == 0) return {};
  return Fail(Code::kInternal, "Cannot flush directory '{}' to the disk: {}", path,
              std::strerror(errno));
}

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

// Empties a tree depth first. It descends by descriptors relative to each other, never by paths, so
// that a directory swapped for a link leads nowhere. Only two levels are open at a time, however
// deep the tree is: it ascends through "..", which must be the directory that it came from.
class TreeRemover {
 public:
  explicit TreeRemover(FileDescriptor root) : current_(std::move(root)) {}

  // The first failure, as a path below the root and its errno.
  struct Failure {
    std::string path;
    int error = 0;
  };

  const Failure& Run() {
    while (true) {
      if (Descend()) continue;
      if (levels_.empty() || !Ascend()) return failure_;
    }
  }

 private:
  struct Level {
    std::string name;  // The child that was entered.
    dev_t device;
    ino_t inode;  // That of the directory that contains the child.
    std::vector<std::string> skipped;
    std::vector<std::string> pending;
  };

  // Enters a directory in the current one, and removes other entries on the way. Returns false if
  // no directory is left.
  bool Descend() {
    do {
      while (!pending_.empty()) {
        std::string name = std::move(pending_.back());
        pending_.pop_back();
        if (Enter(name)) return true;
      }
    } while (List());
    return false;
  }

  // Removes every entry of the current directory that is not a directory or is an empty one, and
  // notes some of the others. Returns false if there are no others.
  bool List() {
    int listing = openat(current_.get(), ".", kOpenDirectory);
    Directory directory(listing < 0 ? nullptr : fdopendir(listing));
    if (directory == nullptr) {
      Note("", errno);
      if (listing >= 0) close(listing);
      return false;
    }
    while (const dirent* entry = readdir(directory.get())) {
      std::string name = entry->d_name;
      if (name == "." || name == ".." || Skipped(name)) continue;
      int error = RemoveEntry(name);
      if (error == ENOTEMPTY) {
        pending_.push_back(name);
        if (pending_.size() >= kMaxPending) return true;
      } else if (error != 0) {
        Skip(name, error);
      }
    }
    return !pending_.empty();
  }

  // Returns 0 if the entry is gone, ENOTEMPTY if it is a directory to enter.
  int RemoveEntry(const std::string& name) {
    if (unlinkat(current_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return 0;
    int error = errno;
    if (unlinkat(current_.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
    if (errno == EEXIST) return ENOTEMPTY;
    return errno == ENOTDIR ? error : errno;
  }

  bool Enter(const std::string& name) {
    FileDescriptor child(openat(current_.get(), name.c_str(), kOpenDirectory));
    struct stat about;
    if (!child.valid() || fstat(current_.get(), &about) != 0) {
      Skip(name, errno);
      return false;
    }
    levels_.push_back({name, about.st_dev, about.st_ino, std::move(skipped_), std::move(pending_)});
    skipped_.clear();
    pending_.clear();
    current_ = std::move(child);
    return true;
  }

  // Returns false if the tree was moved meanwhile: the directory above is not the one it came from.
  bool Ascend() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    FileDescriptor parent(openat(current_.get(), "..", kOpenDirectory));
    struct stat about;
    if (!parent.valid() || fstat(parent.get(), &about) != 0 || about.st_dev != level.device ||
        about.st_ino != level.inode) {
      Note(level.name, ESTALE);
      return false;
    }
    current_ = std::move(parent);
    skipped_ = std::move(level.skipped);
    pending_ = std::move(level.pending);
    if (unlinkat(current_.get(), level.name.c_str(), AT_REMOVEDIR) != 0) Skip(level.name, errno);
    return true;
  }

  bool Skipped(const std::string& name) const {
    for (const std::string& skipped : skipped_) {
      if (skipped == name) return true;
    }
    return false;
  }

  void Skip(const std::string& name, int error) {
    Note(name, error);
    skipped_.push_back(name);
  }

  void Note(const std::string& name, int error) {
    if (failure_.error != 0) return;
    for (const Level& level : levels_) failure_.path += level.name + "/";
    failure_.path += name;
    failure_.error = error;
  }

  FileDescriptor current_;
  std::vector<Level> levels_;
  // In the current directory: entries that cannot be removed, and directories still to enter.
  std::vector<std::string> skipped_;
  std::vector<std::string> pending_;
  Failure failure_;
};

}  // namespace

Status GiveTo(const std::string& path, const shim::Launch::User& owner) {
  if (lchown(path.c_str(), owner.uid, owner.gid) == 0) return {};
  return Fail(Code::kInternal, "Cannot give directory '{}' to the user with id {}: {}", path,
              owner.uid, std::strerror(errno));
}

Status MakeDirectory(const std::string& path) {
  if (path.empty() || path[0] != '/') {
    return Fail(Code::kInvalid, "Directory '{}' is not an absolute path", path);
  }
  bool made = mkdir(path.c_str(), kSandboxMode) == 0;
  if (!made && errno == ENOENT) {
    Status parents = MakeParents(path);
    if (!parents) return parents;
    made = mkdir(path.c_str(), kSandboxMode) == 0;
  }
  int error = errno;
  struct stat about;
  if (made || (error == EEXIST && stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode))) {
    return {};
  }
  return Fail(Code::kInternal, "Cannot create directory '{}': {}", path, std::strerror(error));
}

Status RemoveTree(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
  FileDescriptor root(open(path.c_str(), kOpenDirectory));
  if (!root.valid()) {
    return Fail(Code::kInternal, "Cannot open '{}' to remove it: {}", path, std::strerror(errno));
  }
  TreeRemover remover(std::move(root));
  const TreeRemover::Failure& failure = remover.Run();
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  int error = failure.error != 0 ? failure.error : errno;
  return Fail(Code::kInternal, "Cannot remove '{}/{}': {}", path, failure.path,
              std::strerror(error));
}

Status EmptyDirectory(const std::string& path) {
  FileDescriptor root(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) {
    if (errno == ENOENT) return {};
    return Fail(Code::kInternal, "Cannot open '{}' to empty it: {}", path, std::strerror(errno));
  }
  TreeRemover remover(std::move(root));
  if (const TreeRemover::Failure& failure = remover.Run(); failure.error != 0) {
    return Fail(Code::kInternal, "Cannot remove '{}/{}': {}", path, failure.path,
                std::strerror(failure.error));
  }
  return SyncDirectory(path);
}

LocalDisk::LocalDisk(Poster poster, std::shared_ptr<Users> users)
    : poster_(std::move(poster)), users_(std::move(users)), remover_("disk", 1) {}

LocalDisk::~LocalDisk() = default;

Status LocalDisk::CreateDirectory(const std::string& path, const std::optional<std::string>& user,
                                  const std::string& link) {
  std::optional<shim::Launch::User> owner;
  if (user) {
    Result<shim::Launch::User> resolved = users_->Resolve(*user);
    if (!resolved) return Fail(resolved.error());
    owner = std::move(*resolved);
  }
  Status made = MakeDirectory(path);
  if (made && owner) made = GiveTo(path, *owner);
  if (!made || link.empty()) return made;
  return Link(path, link);
}

Status LocalDisk::Link(const std::string& target, const std::string& link) {
  Status parents = MakeParents(link);
  return parents ? ReplaceLink(target, link) : parents;
}

Result<std::vector<Disk::Entry>> LocalDisk::List(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entries(path, error);
  std::vector<Entry> found;
  if (error == std::errc::no_such_file_or_directory) return found;
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    struct stat about;
    // An entry that vanished meanwhile is skipped.
    if (lstat(entries->path().c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) continue;
    const WallTime modified(std::chrono::seconds(about.st_mtim.tv_sec) +
                            std::chrono::nanoseconds(about.st_mtim.tv_nsec));
    found.push_back({entries->path().filename().string(), modified});
  }
  if (error) return Fail(Code::kInternal, "Cannot list '{}': {}", path, error.message());
  return found;
}

void LocalDisk::Remove(const std::string& path, std::move_only_function<void(Status)> callback) {
  remover_.Submit([this, path, callback = std::move(callback)]() mutable {
    poster_([removed = RemoveTree(path), callback = std::move(callback)]() mutable {
      callback(std::move(removed));
    });
  });
}

Status LocalDisk::Move(const std::string& from, const std::string& to) {
  if (Status parents = MakeParents(to); !parents) return parents;
  struct stat about;
  const bool moved = lstat(to.c_str(), &about) == 0;
  if (!moved && rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
    return Fail(Code::kInternal, "Cannot move '{}' to '{}': {}", from, to, std::strerror(errno));
  }
  Status synced = SyncDirectory(ParentOf(to));
  return synced ? SyncDirectory(ParentOf(from)) : synced;
}

void LocalDisk::Empty(const std::string& path, std::move_only_function<void(Status)> callback) {
  remover_.Submit([this, path, callback = std::move(callback)]() mutable {
    poster_([emptied = EmptyDirectory(path), callback = std::move(callback)]() mutable {
      callback(std::move(emptied));
    });
  });
}

Result<double> LocalDisk::UsedFraction(const std::string& path) {
  struct statvfs about;
  if (statvfs(path.c_str(), &about) != 0) {
    return Fail(Code::kInternal, "Cannot read how full the file system of '{}' is: {}", path,
                std::strerror(errno));
  }
  if (about.f_blocks == 0) return 0.0;
  return static_cast<double>(about.f_blocks - about.f_bfree) / static_cast<double>(about.f_blocks);
}

}  // namespace tepui::containers
