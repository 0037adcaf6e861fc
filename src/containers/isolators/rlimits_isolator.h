// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "container/isolator.h"

namespace tepui::containers {

// posix/rlimits: sets the rlimits that the task asks for. All other rlimits are the agent's.
class RlimitsIsolator final : public Isolator {
 public:
  std::string_view name() const override { return "posix/rlimits"; }
  Features handles() const override { return {Feature::kRlimits}; }
  Status Check(const ContainerContext& context) override;
  Status Isolate(const ContainerContext& context, shim::Launch* launch) override;
};

// Returns the name that Mesos has for the kernel's resource RLIMIT_*; "unknown" if it has none.
std::string RlimitName(uint32_t resource);

}  // namespace tepui::containers
