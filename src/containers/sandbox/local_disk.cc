// SPDX-License-Identifier: Apache-2.0
#include "containers/sandbox/local_disk.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "containers/host/filesystem_identity.h"

namespace tepui::containers {
namespace {

constexpr mode_t kPassableMode = 0711;

// Empties what the path names; a missing directory is success.
Status Empty(const Roots& roots, const std::string& path) {
  const Result<Directory> directory = roots.Open(path);
  if (!directory && directory.error().code == Code::kNotFound) return {};
  if (!directory) return Fail(directory.error());
  if (Status removed = directory->RemoveContents(); !removed) return removed;
  return directory->Sync();
}

Status RemoveTree(const Roots& roots, const std::string& path) {
  const auto [parent_path, name] = SplitPath(path);
  const Result<Directory> parent = roots.Open(parent_path);
  if (!parent && parent.error().code == Code::kNotFound) return {};
  return parent ? parent->RemoveTree(name) : Fail(parent.error());
}

Status LinkTo(const Roots& roots, const std::string& target, const std::string& link) {
  const auto [parent_path, name] = SplitPath(link);
  const Result<Directory> parent = roots.Make(parent_path, Directory::kParentMode);
  return parent ? parent->ReplaceLink(target, name) : Fail(parent.error());
}

}  // namespace

LocalDisk::LocalDisk(Poster poster, std::shared_ptr<Users> users,
                     std::shared_ptr<const Roots> roots)
    : poster_(std::move(poster)),
      users_(std::move(users)),
      roots_(std::move(roots)),
      remover_("disk", 1) {}

LocalDisk::~LocalDisk() = default;

Status LocalDisk::CreateDirectory(const NewDirectory& wanted) {
  std::optional<shim::Launch::User> owner;
  if (wanted.user) {
    Result<shim::Launch::User> resolved = users_->Resolve(*wanted.user);
    if (!resolved) return Fail(resolved.error());
    owner = std::move(*resolved);
  }
  const Result<Directory> directory =
      roots_->Make(wanted.path, wanted.passable ? kPassableMode : kSandboxMode);
  if (!directory) return Fail(directory.error());
  if (owner) {
    if (Status given = directory->GiveTo(owner->uid, owner->gid); !given) return given;
  }
  return wanted.link.empty() ? Status() : LinkTo(*roots_, wanted.path, wanted.link);
}

Status LocalDisk::LinkInSandbox(const std::string& sandbox, const std::string& path,
                                const std::string& target, const std::optional<std::string>& user) {
  shim::Launch::User as;  // Root, which switches nothing.
  if (user) {
    Result<shim::Launch::User> resolved = users_->Resolve(*user);
    if (!resolved) return Fail(resolved.error());
    as = std::move(*resolved);
  }
  const Result<Directory> directory = roots_->Open(sandbox);
  if (!directory) return Fail(directory.error());
  const FilesystemIdentity identity(as);
  if (!identity.taken()) {
    return Fail(Code::kInternal, "Cannot act as user '{}' in '{}'", user.value_or(""), sandbox);
  }
  const auto [parent_path, name] = SplitPath(path);
  const Result<Directory> parent = directory->MakeDirectories(parent_path, Directory::kParentMode);
  return parent ? parent->ReplaceLink(target, name) : Fail(parent.error());
}

Result<std::vector<Disk::Entry>> LocalDisk::List(const std::string& path) {
  std::vector<Entry> found;
  const Result<Directory> directory = roots_->Open(path);
  if (!directory && directory.error().code == Code::kNotFound) return found;
  if (!directory) return Fail(directory.error());
  const auto names = directory->List(std::numeric_limits<size_t>::max());
  if (!names) return Fail(names.error());
  for (const std::string& name : *names) {
    const Result<struct stat> about = directory->Stat(name);
    // An entry that vanished meanwhile is skipped.
    if (!about || !S_ISDIR(about->st_mode)) continue;
    const WallTime modified(std::chrono::seconds(about->st_mtim.tv_sec) +
                            std::chrono::nanoseconds(about->st_mtim.tv_nsec));
    found.push_back({name, modified});
  }
  return found;
}

void LocalDisk::InBackground(Work work, std::move_only_function<void(Status)> callback) {
  remover_.Submit([this, work = std::move(work), callback = std::move(callback)]() mutable {
    poster_([done = work(*roots_), callback = std::move(callback)]() mutable {
      callback(std::move(done));
    });
  });
}

void LocalDisk::Remove(const std::string& path, std::move_only_function<void(Status)> callback) {
  InBackground([path](const Roots& roots) { return RemoveTree(roots, path); }, std::move(callback));
}

void LocalDisk::Empty(const std::string& path, std::move_only_function<void(Status)> callback) {
  InBackground([path](const Roots& roots) { return containers::Empty(roots, path); },
               std::move(callback));
}

Status LocalDisk::Move(const std::string& from, const std::string& to) {
  const auto [from_path, from_name] = SplitPath(from);
  const auto [to_path, to_name] = SplitPath(to);
  const Result<Directory> target = roots_->Make(to_path, Directory::kParentMode);
  if (!target) return Fail(target.error());
  const Result<Directory> source = roots_->Open(from_path);
  const bool nothing = !source && source.error().code == Code::kNotFound;
  if (!source && !nothing) return Fail(source.error());
  if (source && !target->Stat(to_name)) {
    const Status moved = source->Rename(from_name, *target, to_name);
    if (!moved && moved.error().code != Code::kNotFound) return moved;
  }
  if (Status synced = target->Sync(); !synced || nothing) return synced;
  return source->Sync();
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
