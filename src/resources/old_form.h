// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "mesos/v1/mesos.pb.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// The only code that reads and writes the deprecated field `role` of the pre-refinement form. (The
// field must stay marked as deprecated in the schema: the JSON mapping depends on that, reference
// trap 2.)
bool HasOldRole(const v1::Resource& resource);
const std::string& OldRole(const v1::Resource& resource);  // Returns "*" if it is not set.
void SetOldRole(std::string_view role, v1::Resource* resource);

}  // namespace tepui
