// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "container/container_context.h"
#include "containers/host/user.h"
#include "containers/mesos/poller.h"
#include "shim/launch.h"

namespace tepui::containers {

// What a launch passes from step to step, and what is kept of it while the container runs. One
// thread at a time writes it, until the agent's thread gets the shim; it is constant afterwards,
// except `cancelled`.
struct LaunchPlan {
  LaunchSpec spec;     // Once planned, its environment is in `launch`.
  Demand demand = {};  // At the launch.
  std::optional<ParentContainer> parent = {};
  std::optional<ContainerUser> user = {};  // Known once planned.
  shim::Launch launch = {};
  bool planned = false;  // Stays false for a recovered task whose user is unknown.
  std::vector<Poller::Token> alarms = {};
  std::atomic<bool> cancelled = false;

  const ContainerId& id() const { return spec.id; }
  // The container as isolators see it; valid while this plan exists.
  ContainerContext Context() const {
    return {.spec = spec, .user = user, .demand = demand, .parent = parent};
  }
};

// Returns the user that the container runs as; nothing if the spec names none, which means the
// agent's own. Returns kNotFound for a user that does not exist. Blocks on the user database.
Result<std::optional<ContainerUser>> UserOf(const LaunchSpec& spec, Users& users);

// Returns what the shim has to do for the container, without what the isolators add. Returns
// kInvalid for a command that runs nothing.
Result<shim::Launch> PlanTask(const ContainerContext& context);

// Returns the disk that is meant for the sandbox, in bytes; nothing if there is none. Persistent
// volumes and disks of their own do not count.
std::optional<uint64_t> DiskOf(const Resources& resources);

// Plans a check's command in the container that was planned as `task`. Its output goes to the
// sandbox's stderr, so that stdout holds only the task's output.
Result<shim::Launch> PlanCheck(const shim::Launch& task, const v1::CommandInfo& command);

// Describes why the shim could not start a task. kNotFound for a missing program or directory,
// kInvalid for other faults of the task, kUnavailable and kInternal for faults of the machine.
Error DescribeFailure(const shim::Event& failed, const shim::Launch& launch,
                      const std::optional<std::string>& user);

}  // namespace tepui::containers
