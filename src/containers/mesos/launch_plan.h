// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "container/containerizer.h"
#include "container/isolator.h"
#include "containers/host/user.h"
#include "shim/launch.h"

namespace tepui::containers {

// The values of the flags effective_capabilities and bounding_capabilities.
struct CapabilityOptions {
  std::optional<v1::CapabilityInfo> effective;
  std::optional<v1::CapabilityInfo> bounding;
};

// Returns what the shim has to do for a container, without the isolators' part. Returns kInvalid
// for what no isolator here provides (images, networks, volumes, namespaces of its own) and
// kNotFound for a user that does not exist. Blocks on the user database.
Result<shim::Launch> PlanTask(const LaunchSpec& spec, const CapabilityOptions& capabilities,
                              Users& users);

// Plans a check's command in the container that was planned as `task`. Its output goes to the
// sandbox's stderr, so that stdout holds only the task's output.
Result<shim::Launch> PlanCheck(const shim::Launch& task, const v1::CommandInfo& command);

// Describes why the shim could not start a task. kNotFound for a missing program or directory,
// kInvalid for other faults of the task, kUnavailable and kInternal for faults of the machine.
Error DescribeFailure(const shim::Event& failed, const shim::Launch& launch,
                      const std::optional<std::string>& user);

}  // namespace tepui::containers
