// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "container/isolator.h"

namespace tepui::containers {

// The flags of isolation (reference 7.3).
struct IsolationOptions {
  std::string isolation = "posix/cpu,posix/mem";
  std::string cgroups_hierarchy = "/sys/fs/cgroup";
  std::string cgroups_root = "mesos";
  bool cgroups_enable_cfs = false;  // Set a hard limit on cpus even if only a request is given.
  bool cgroups_limit_swap = false;  // v1: memory and swap together.
  uint64_t pids_max = 0;  // With cgroups/pids: processes and threads per container; 0: no limit.
};

// The isolators of an agent, in order. As thread-safe as Isolator.
//
// Known names: posix/cpu, posix/mem (no limits, usage only), cgroups/cpu, cgroups/mem,
// cgroups/pids, linux/nnp; the aliases `process` (posix/cpu, posix/mem) and `cgroups` (cgroups/cpu,
// cgroups/mem); filesystem/posix, posix/rlimits and linux/capabilities, which are always on.
class Isolation {
 public:
  static Result<std::unique_ptr<Isolation>> Create(const IsolationOptions& options);

  explicit Isolation(std::vector<std::unique_ptr<Isolator>> isolators)
      : isolators_(std::move(isolators)) {}

  // Prepares all or none: what was prepared before a failure is cleaned up.
  Status Prepare(const ContainerId& id, const Demand& demand);
  // Tries all and returns the first failure.
  Status Recover(const ContainerId& id);
  std::set<ContainerId> Found();
  void Isolate(const ContainerId& id, const Demand& demand, shim::Launch* launch);
  std::vector<Alarm> Watch(const ContainerId& id);
  // Tries all and returns the first failure.
  Status Update(const ContainerId& id, const Demand& demand);
  std::optional<Limitation> Limited(const ContainerId& id, bool alarmed);
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics);
  void Kill(const ContainerId& id);
  // Tries all, in reverse order, and returns the first failure.
  Status Cleanup(const ContainerId& id);

  std::vector<std::string> Names() const;

 private:
  Status CleanupFirst(const ContainerId& id, size_t count);

  std::vector<std::unique_ptr<Isolator>> isolators_;
};

}  // namespace tepui::containers
