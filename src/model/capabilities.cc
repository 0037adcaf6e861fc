// SPDX-License-Identifier: Apache-2.0
#include "model/capabilities.h"

#include <algorithm>

namespace tepui::model {

bool HasCapability(const v1::FrameworkInfo& framework,
                   v1::FrameworkInfo::Capability::Type capability) {
  return std::ranges::any_of(framework.capabilities(),
                             [&](const auto& has) { return has.type() == capability; });
}

bool HasCapability(std::span<const v1::AgentInfo::Capability::Type> capabilities,
                   v1::AgentInfo::Capability::Type capability) {
  return std::ranges::find(capabilities, capability) != capabilities.end();
}

}  // namespace tepui::model
