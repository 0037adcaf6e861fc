// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/mailbox.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "container/disk.h"
#include "containers/host/user.h"
#include "shim/launch.h"

namespace tepui::containers {

// Creates `path` and its parents (0755) if they are missing. `path` itself, if created here, has
// mode 0750, because a sandbox may hold secrets of the task. An existing directory is left as it
// is. Blocks.
Status MakeDirectory(const std::string& path);

// Makes `owner` the owner of `path`, but not of what is in it; a link is not followed.
Status GiveTo(const std::string& path, const shim::Launch::User& owner);

// Removes the tree at `path`. Follows no link and never leaves the tree, even if other processes
// change it meanwhile. Trees may be deep and wide. A missing path is success. An entry that cannot
// be removed does not stop the removal of the rest; the error names the first one. Blocks.
Status RemoveTree(const std::string& path);

// Like RemoveTree for what is in the directory at `path`, which itself stays and may be behind a
// link. The removal is synced to disk when this returns.
Status EmptyDirectory(const std::string& path);

// Manages the agent's directories on this machine's file systems. `poster` runs work on the agent's
// thread.
class LocalDisk final : public Disk {
 public:
  LocalDisk(Poster poster, std::shared_ptr<Users> users);
  // Waits for the removal in progress; drops pending ones without calling their callbacks.
  ~LocalDisk() override;

  Status CreateDirectory(const std::string& path, const std::optional<std::string>& user,
                         const std::string& link) override;
  Status Link(const std::string& target, const std::string& link) override;
  Result<std::vector<Entry>> List(const std::string& path) override;
  void Remove(const std::string& path, std::move_only_function<void(Status)> callback) override;
  Status Move(const std::string& from, const std::string& to) override;
  void Empty(const std::string& path, std::move_only_function<void(Status)> callback) override;
  Result<double> UsedFraction(const std::string& path) override;

 private:
  Poster poster_;
  std::shared_ptr<Users> users_;
  WorkerPool remover_;
};

}  // namespace tepui::containers
