// SPDX-License-Identifier: Apache-2.0
#include "model/roles.h"

#include "model/capabilities.h"

namespace tepui::model {

bool IsMultiRole(const v1::FrameworkInfo& framework) {
  return HasCapability(framework, v1::FrameworkInfo::Capability::MULTI_ROLE);
}

std::vector<std::string> RolesOf(const v1::FrameworkInfo& framework) {
  if (!IsMultiRole(framework)) return {framework.role()};
  return {framework.roles().begin(), framework.roles().end()};
}

}  // namespace tepui::model
