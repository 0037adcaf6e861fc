// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"

namespace tepui {

// Checks a role's name by Mesos' rules (reference 2.1). The sentence names the role and the rule.
Status ValidateRole(std::string_view role);

// Returns true if `ancestor` is a proper ancestor of `role` in the tree ("a" of "a/b").
bool IsStrictSubrole(std::string_view role, std::string_view ancestor);

}  // namespace tepui
