// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace tepui::containers {

// Operations on the agent's directories that its core decides about. Callbacks run on the agent's
// thread.
class Disk {
 public:
  virtual ~Disk() = default;
  // Creates the directory and its parents. `user` owns the directory (not its parents) afterwards,
  // even if it existed before. If `link` is not empty it is the path of a symlink
  // (".../runs/latest") that points to the directory afterwards, whatever it pointed to before.
  virtual Status CreateDirectory(const std::string& path, const std::optional<std::string>& user,
                                 const std::string& link) = 0;
  // Makes `link` a symlink to `target`, with the link's parent directories. A symlink in its place
  // is replaced; anything else there is an error.
  virtual Status Link(const std::string& target, const std::string& link) = 0;
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
