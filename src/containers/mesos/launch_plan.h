#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "container/containerizer.h"
#include "container/isolator.h"
#include "containers/host/user.h"
#include "shim/launch.h"

namespace tepui::containers {

// Capabilities as the flags effective_capabilities and bounding_capabilities give them.
struct CapabilityOptions {
  std::optional<v1::CapabilityInfo> effective;
  std::optional<v1::CapabilityInfo> bounding;
};

// What the shim has to do for a container, but for the isolators' part. Refuses with kInvalid what
// no isolator here can give (images, networks, volumes, namespaces of its own), and with kNotFound
// a user that does not exist. Blocks on the user database.
Result<shim::Launch> PlanTask(const LaunchSpec& spec, const CapabilityOptions& capabilities,
                              Users& users);

// A check's command in a container that was planned as `task`. Its output goes to the sandbox's
// stderr, so that the task's stdout stays the task's.
Result<shim::Launch> PlanCheck(const shim::Launch& task, const v1::CommandInfo& command);

// The sentence for a task that its shim could not start. kNotFound for a missing program or
// directory, kInvalid for other faults of the task, kUnavailable and kInternal for the machine's.
Error DescribeFailure(const shim::Event& failed, const shim::Launch& launch,
                      const std::optional<std::string>& user);

}  // namespace tepui::containers
