#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/mailbox.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "container/containerizer.h"
#include "containers/host/user.h"
#include "shim/launch.h"

namespace tepui::containers {

// Makes `path` and its parents (0755) if missing. `path` itself, if made here, is 0750, for a
// sandbox may hold secrets of the task. An existing directory is left as it is. Blocks.
Status MakeDirectory(const std::string& path);

// Makes `path` the user's (not what is in it); a link is not followed.
Status GiveTo(const std::string& path, const shim::Launch::User& owner);

// Removes the tree at `path`, without following any link and without leaving the tree while others
// change it. Deep and wide trees are fine. A missing path is success; the error names the first
// entry that could not be removed, after the rest has been. Blocks.
Status RemoveTree(const std::string& path);

// The same of what is in the directory at `path`, which itself may be behind a link and stays; it
// is empty for good when this returns.
Status EmptyDirectory(const std::string& path);

// The agent's directories on this machine's file systems. `poster` runs work on the agent's thread.
class LocalDisk final : public Disk {
 public:
  LocalDisk(Poster poster, std::shared_ptr<Users> users);
  // Waits for the removal in hand; those that wait are dropped, their callbacks with them.
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
