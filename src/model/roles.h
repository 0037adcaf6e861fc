// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mesos/v1/mesos.pb.h"

namespace tepui::model {

namespace v1 = ::mesos::v1;

// Returns true if the framework names its roles in `roles`. Others have one, in `role` (reference
// 2.1).
bool IsMultiRole(const v1::FrameworkInfo& framework);

// Returns the roles in which the framework takes offers.
std::vector<std::string> RolesOf(const v1::FrameworkInfo& framework);

}  // namespace tepui::model
