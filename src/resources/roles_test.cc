// SPDX-License-Identifier: Apache-2.0
#include "resources/roles.h"

#include <gtest/gtest.h>

#include <string>

namespace tepui {
namespace {

// Reference 2.1.
TEST(RolesTest, ValidRoles) {
  for (std::string_view role :
       {"*", "role", "a/b/c", "a.b", "...", "a-b", "a*", "role1/..b", "\xc3\xa4"}) {
    EXPECT_TRUE(ValidateRole(role)) << role;
  }
}

TEST(RolesTest, InvalidRoles) {
  for (std::string_view role :
       {"",    "/",  "/a",   "a/",  "a//b", ".",    "..",   "a/.",  "a/../b", "a/*",
        "*/a", "-a", "a/-b", "a b", "a\tb", "a\nb", "a\vb", "a\fb", "a\rb",   "a\x7f"}) {
    auto valid = ValidateRole(role);
    ASSERT_FALSE(valid) << role;
    EXPECT_EQ(valid.error().code, Code::kInvalid);
  }
}

TEST(RolesTest, RolesHaveBounds) {
  const auto levels = [](int count) {
    std::string role = "a";
    for (int i = 1; i < count; ++i) role += "/a";
    return role;
  };
  EXPECT_TRUE(ValidateRole(levels(kMaxRoleLevels)));
  EXPECT_FALSE(ValidateRole(levels(kMaxRoleLevels + 1)));
  EXPECT_TRUE(ValidateRole(std::string(kMaxRoleBytes, 'a')));
  const Status longer = ValidateRole(levels(100'000));
  ASSERT_FALSE(longer);
  EXPECT_LT(longer.error().message.size(), 100u);  // It does not repeat the role.
}

TEST(RolesTest, SentenceNamesRoleAndRule) {
  EXPECT_EQ(ValidateRole("eng/-web").error().message,
            "role 'eng/-web' has a component that starts with '-'");
}

TEST(RolesTest, StrictSubroles) {
  EXPECT_TRUE(IsStrictSubrole("a/b", "a"));
  EXPECT_TRUE(IsStrictSubrole("a/b/c", "a"));
  EXPECT_FALSE(IsStrictSubrole("a", "a"));
  EXPECT_FALSE(IsStrictSubrole("ab", "a"));
  EXPECT_FALSE(IsStrictSubrole("ab/c", "a"));
  EXPECT_FALSE(IsStrictSubrole("a", "a/b"));
}

}  // namespace
}  // namespace tepui
