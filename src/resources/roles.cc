// SPDX-License-Identifier: Apache-2.0
#include "resources/roles.h"

#include <algorithm>

namespace tepui {
namespace {

Status ValidateComponent(std::string_view role, std::string_view component) {
  if (component.empty()) {
    return Fail(Code::kInvalid, "role '{}' has a leading, trailing or doubled '/'", role);
  }
  if (component == "." || component == ".." || component == "*") {
    return Fail(Code::kInvalid, "role '{}' has '{}' as a component", role, component);
  }
  if (component.front() == '-') {
    return Fail(Code::kInvalid, "role '{}' has a component that starts with '-'", role);
  }
  if (component.find_first_of("\t\n\v\f\r \x7f") != std::string_view::npos) {
    return Fail(Code::kInvalid, "role '{}' contains white space or a backspace", role);
  }
  return {};
}

}  // namespace

Status ValidateRole(std::string_view role) {
  if (role == "*") return {};
  if (role.empty()) return Fail(Code::kInvalid, "a role must not be empty");
  if (role.size() > kMaxRoleBytes) {
    return Fail(Code::kInvalid, "a role has {} bytes, but at most {} are allowed", role.size(),
                kMaxRoleBytes);
  }
  if (std::ranges::count(role, '/') >= kMaxRoleLevels) {
    return Fail(Code::kInvalid, "role '{}' has more than {} levels", role, kMaxRoleLevels);
  }
  for (size_t begin = 0;;) {
    const size_t slash = role.find('/', begin);
    const bool last = slash == std::string_view::npos;
    auto valid = ValidateComponent(role, role.substr(begin, last ? slash : slash - begin));
    if (!valid || last) return valid;
    begin = slash + 1;
  }
}

bool IsStrictSubrole(std::string_view role, std::string_view ancestor) {
  return role.size() > ancestor.size() && role[ancestor.size()] == '/' &&
         role.starts_with(ancestor);
}

}  // namespace tepui
