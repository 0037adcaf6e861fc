// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "container/isolator.h"
#include "containers/isolators/registry.h"

namespace tepui::containers {

// The isolators of an agent, in order. As thread-safe as Isolator.
class Isolation {
 public:
  // Makes the isolators that the options choose (registry.h). Returns kInvalid for an unknown name
  // and for what this machine does not have.
  static Result<std::unique_ptr<Isolation>> Create(const IsolationOptions& options);

  explicit Isolation(std::vector<std::unique_ptr<Isolator>> isolators);

  // Returns kInvalid if the container uses a feature that no isolator handles, or if an isolator
  // refuses it.
  Status Check(const ContainerContext& context) const;
  // Lets all isolators prepare the container, and then add to the launch. If one fails, what was
  // prepared before is cleaned up, in reverse order; the error names the isolator.
  Status Prepare(const ContainerContext& context, shim::Launch* launch);
  // Tries all and returns the first failure.
  Status Recover(const ContainerContext& context);
  std::set<ContainerId> Found();
  // Lets all isolators of a recovered container add to a launch; Prepare does that for others.
  Status Isolate(const ContainerContext& context, shim::Launch* launch);
  std::vector<Alarm> Watch(const ContainerId& id);
  // Tries all and returns the first failure.
  Status Update(const ContainerId& id, const Demand& demand);
  std::optional<Limitation> Limited(const ContainerId& id, bool alarmed);
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics);
  void Kill(const ContainerId& id);
  // Tries all, in reverse order, and returns the first failure.
  Status Cleanup(const ContainerId& id);

 private:
  Status CleanupFirst(const ContainerId& id, size_t count);

  const std::vector<std::unique_ptr<Isolator>> isolators_;
  Features handled_;  // Constant after construction.
};

}  // namespace tepui::containers
