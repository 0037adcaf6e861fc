#pragma once

#include <string>
#include <string_view>

#include "mesos/v1/mesos.pb.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// The deprecated field `role` of the pre-refinement form, read and written in this one place. (The
// mark of deprecation has to stay in the schema: the JSON mapping depends on it, reference trap 2.)
bool HasOldRole(const v1::Resource& resource);
const std::string& OldRole(const v1::Resource& resource);  // "*" if not set.
void SetOldRole(std::string_view role, v1::Resource* resource);

}  // namespace tepui
