// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/posix/file_descriptor.h"
#include "base/result.h"

namespace tepui {

// An open directory, for work in places that others own. Each `path` below is relative to it; an
// empty one is the directory itself. No symbolic link on a path is followed and no path leaves the
// directory, whatever its owners rename, replace or link meanwhile: every step starts at an open
// descriptor. A `name` is a path of one part. A link that is named itself is created, looked at and
// removed, never followed.
//
// Errors name the path: kNotFound if something on it is missing, kForbidden if a link is on it or
// it leads out of the directory, otherwise kInternal with the kernel's reason. Needs openat2 (Linux
// 5.6). All methods block on the file system. Thread-safe, except for moves.
class Directory {
 public:
  // The mode of directories that are created on the way to others.
  static constexpr mode_t kParentMode = 0755;

  // Opens a directory by its name. Links on the way are followed, so only the machine's operator
  // may be able to change what the name means.
  static Result<Directory> Open(const std::string& path);
  // Like Open, but first creates what is missing, as MakeDirectories does.
  static Result<Directory> Make(const std::string& path, mode_t mode);

  Result<Directory> OpenBeneath(const std::string& path) const;
  // Opens a plain file for reading and waits for nobody. Returns kInvalid for anything but a plain
  // file, for instance a pipe.
  Result<FileDescriptor> OpenFile(const std::string& path) const;

  // Opens the directory at `path`; if it is missing, creates it with exactly `mode`, whatever the
  // umask, and its missing parents with kParentMode. An existing directory keeps its mode.
  Result<Directory> MakeDirectories(const std::string& path, mode_t mode) const;

  // Makes a user the owner of the directory, but not of what is in it.
  Status GiveTo(uid_t uid, gid_t gid) const;

  // Makes `name` a link to `target`. A link in its place is replaced at once, so that readers see
  // the old or the new one. Returns kInvalid if there is anything else.
  Status ReplaceLink(const std::string& target, const std::string& name) const;

  // Renames `name` here to `new_name` in `to`, on the same file system.
  Status Rename(const std::string& name, const Directory& to, const std::string& new_name) const;

  // Returns what `name` is, without following it if it is a link; an empty name is the directory.
  Result<struct stat> Stat(const std::string& name) const;
  // Returns the names in the directory, in no order; kTooLarge if there are more than `max`.
  Result<std::vector<std::string>> List(size_t max) const;

  // Removes the tree at `path`. Trees may be deep and wide. A missing path is success. An entry
  // that cannot be removed does not stop the removal of the rest; the error names the first one.
  Status RemoveTree(const std::string& path) const;
  // Like RemoveTree for all that is in this directory.
  Status RemoveContents() const;

  // Syncs to the disk what was created, renamed or removed in this directory.
  Status Sync() const;

  const FileDescriptor& descriptor() const { return fd_; }

 private:
  Directory(FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  std::string PathOf(const std::string& path) const;
  // The error for errno.
  std::unexpected<Error> Failure(std::string_view what, const std::string& path) const;
  FileDescriptor OpenAt(const std::string& path, int flags) const;
  Result<Directory> MakeOne(const std::string& name, mode_t mode) const;

  FileDescriptor fd_;
  std::string path_;  // For errors only.
};

// The path without its last part, and that part. The first is empty if there is only one part.
std::pair<std::string, std::string> SplitPath(const std::string& path);

}  // namespace tepui
