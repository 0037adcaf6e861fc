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
#include "containers/sandbox/roots.h"

namespace tepui::containers {

// Manages the agent's directories on this machine's file systems, beneath `roots`. `poster` runs
// work on the agent's thread.
class LocalDisk final : public Disk {
 public:
  LocalDisk(Poster poster, std::shared_ptr<Users> users, std::shared_ptr<const Roots> roots);
  // Waits for the removal in progress; drops pending ones without calling their callbacks.
  ~LocalDisk() override;

  Status CreateDirectory(const NewDirectory& wanted) override;
  Status LinkInSandbox(const std::string& sandbox, const std::string& path,
                       const std::string& target, const std::optional<std::string>& user) override;
  Result<std::vector<Entry>> List(const std::string& path) override;
  void Remove(const std::string& path, std::move_only_function<void(Status)> callback) override;
  Status Move(const std::string& from, const std::string& to) override;
  void Empty(const std::string& path, std::move_only_function<void(Status)> callback) override;
  Result<double> UsedFraction(const std::string& path) override;

 private:
  using Work = std::move_only_function<Status(const Roots&)>;
  void InBackground(Work work, std::move_only_function<void(Status)> callback);

  Poster poster_;
  std::shared_ptr<Users> users_;
  std::shared_ptr<const Roots> roots_;
  WorkerPool remover_;
};

}  // namespace tepui::containers
