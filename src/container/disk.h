// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace tepui::containers {

// Operations on the agent's directories that its core decides about. Tasks own some of these
// directories, so no operation follows a symlink below the directories that the operator named.
// Callbacks run on the agent's thread.
class Disk {
 public:
  virtual ~Disk() = default;
  struct NewDirectory {
    std::string path;
    // Owns the directory (not its parents) afterwards, even if it existed before. Absent: the owner
    // stays as it is; the agent's own user owns what is created.
    std::optional<std::string> user = {};
    // If it is not empty: a path (".../runs/latest") at which a symlink points to the directory
    // afterwards, whatever it pointed to before.
    std::string link = {};
    // Every user may pass through the directory to what is below, but not list it. Otherwise others
    // than the owner and its group may not enter.
    bool passable = false;
  };
  // Creates the directory and its parents.
  virtual Status CreateDirectory(const NewDirectory& wanted) = 0;
  // Makes `path`, which is relative to `sandbox`, a symlink to `target`, with the parent
  // directories that it lacks. This happens with the rights of `user`, who must own the sandbox;
  // absent: of the agent. A symlink in its place is replaced; anything else there is an error, and
  // so is a symlink on the way.
  virtual Status LinkInSandbox(const std::string& sandbox, const std::string& path,
                               const std::string& target,
                               const std::optional<std::string>& user) = 0;
  struct Entry {
    std::string name;
    WallTime modified;
  };
  // Returns the directories in the directory at `path`, without symlinks; none if it is missing.
  virtual Result<std::vector<Entry>> List(const std::string& path) = 0;
  // Removes the tree at `path` in the background; a missing path is success.
  virtual void Remove(const std::string& path, std::move_only_function<void(Status)> callback) = 0;
  // Renames the directory `from` to `to`, on the same file system; the parents of `to` are created.
  // On return the move is durable, whatever happens to the machine. It may be repeated: it does
  // nothing if `to` exists or `from` does not.
  virtual Status Move(const std::string& from, const std::string& to) = 0;
  // Removes the contents of the directory at `path` in the background, but not the directory
  // itself; they are durably gone when the callback runs. A missing path is success.
  virtual void Empty(const std::string& path, std::move_only_function<void(Status)> callback) = 0;
  // Returns the used fraction of the file system that holds `path`.
  virtual Result<double> UsedFraction(const std::string& path) = 0;
};

}  // namespace tepui::containers
