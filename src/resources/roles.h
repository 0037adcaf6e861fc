// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace tepui {

// Bounds of a role that Mesos does not have. What the allocator keeps for a role grows with its
// length for each of its levels.
inline constexpr size_t kMaxRoleBytes = 4096;
inline constexpr int kMaxRoleLevels = 64;

// Checks a role's name by Mesos' rules (reference 2.1) and by the bounds above. The sentence names
// the role and the rule.
Status ValidateRole(std::string_view role);

// Returns true if `ancestor` is a proper ancestor of `role` in the tree ("a" of "a/b").
bool IsStrictSubrole(std::string_view role, std::string_view ancestor);

}  // namespace tepui
