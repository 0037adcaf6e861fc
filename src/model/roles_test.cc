// SPDX-License-Identifier: Apache-2.0
#include "model/roles.h"

#include <gtest/gtest.h>

namespace tepui::model {
namespace {

TEST(Roles, AFrameworkHasOneOrSeveral) {
  v1::FrameworkInfo info;
  EXPECT_EQ(RolesOf(info), std::vector<std::string>{"*"});
  info.set_role("a");
  EXPECT_EQ(RolesOf(info), std::vector<std::string>{"a"});

  v1::FrameworkInfo several;
  several.add_capabilities()->set_type(v1::FrameworkInfo::Capability::MULTI_ROLE);
  EXPECT_EQ(RolesOf(several), std::vector<std::string>{});
  several.add_roles("b");
  several.add_roles("c");
  EXPECT_EQ(RolesOf(several), (std::vector<std::string>{"b", "c"}));
}

}  // namespace
}  // namespace tepui::model
