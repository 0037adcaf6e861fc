// SPDX-License-Identifier: Apache-2.0
#include "model/capabilities.h"

#include <gtest/gtest.h>

#include <vector>

namespace tepui::model {
namespace {

TEST(Capabilities, OfAFramework) {
  using Capability = v1::FrameworkInfo::Capability;
  v1::FrameworkInfo info;
  EXPECT_FALSE(HasCapability(info, Capability::MULTI_ROLE));
  info.add_capabilities()->set_type(Capability::PARTITION_AWARE);
  info.add_capabilities()->set_type(Capability::MULTI_ROLE);
  EXPECT_TRUE(HasCapability(info, Capability::MULTI_ROLE));
  EXPECT_FALSE(HasCapability(info, Capability::GPU_RESOURCES));
}

TEST(Capabilities, OfAnAgent) {
  using Capability = v1::AgentInfo::Capability;
  const std::vector<Capability::Type> old = {Capability::MULTI_ROLE};
  EXPECT_TRUE(HasCapability(old, Capability::MULTI_ROLE));
  EXPECT_FALSE(HasCapability(old, Capability::RESIZE_VOLUME));
  EXPECT_FALSE(HasCapability({}, Capability::MULTI_ROLE));
  EXPECT_TRUE(HasCapability(kAgentCapabilities, Capability::RESIZE_VOLUME));
}

}  // namespace
}  // namespace tepui::model
