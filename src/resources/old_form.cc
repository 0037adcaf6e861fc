// SPDX-License-Identifier: Apache-2.0
#include "resources/old_form.h"

namespace tepui {

bool HasOldRole(const v1::Resource& resource) { return resource.has_role(); }

const std::string& OldRole(const v1::Resource& resource) { return resource.role(); }

void SetOldRole(std::string_view role, v1::Resource* resource) {
  resource->set_role(std::string(role));
}

}  // namespace tepui
