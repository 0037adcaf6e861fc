// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/capabilities_isolator.h"

#include <gtest/gtest.h>

namespace tepui::containers {
namespace {

using Capability = v1::CapabilityInfo::Capability;

constexpr uint64_t kChown = 1u << 0;
constexpr uint64_t kKill = 1u << 5;

v1::CapabilityInfo Set(std::initializer_list<Capability> capabilities) {
  v1::CapabilityInfo info;
  for (const Capability capability : capabilities) info.add_capabilities(capability);
  return info;
}

class CapabilitiesIsolatorTest : public testing::Test {
 protected:
  v1::LinuxInfo& Linux() {
    if (!spec_.container) spec_.container.emplace().set_type(v1::ContainerInfo::MESOS);
    return *spec_.container->mutable_linux_info();
  }

  shim::Launch Isolate(const CapabilityOptions& options = {}) {
    CapabilitiesIsolator isolator(options);
    shim::Launch launch;
    EXPECT_TRUE(isolator.Check({.spec = spec_}));
    EXPECT_TRUE(isolator.Isolate({.spec = spec_}, &launch));
    return launch;
  }

  // The launch is not described either, should the check have been left out.
  std::string Refusal(const CapabilityOptions& options = {}) {
    CapabilitiesIsolator isolator(options);
    shim::Launch launch;
    const Status isolated = isolator.Isolate({.spec = spec_}, &launch);
    const Status checked = isolator.Check({.spec = spec_});
    if (checked || isolated) return "not refused";
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_EQ(checked.error().message, isolated.error().message);
    return checked.error().message;
  }

  LaunchSpec spec_;
};

TEST_F(CapabilitiesIsolatorTest, ATaskWithoutSetsKeepsTheAgents) {
  const shim::Launch launch = Isolate();
  EXPECT_FALSE(launch.effective_capabilities);
  EXPECT_FALSE(launch.bounding_capabilities);
}

TEST_F(CapabilitiesIsolatorTest, TheOperatorsSetsAreTheDefaults) {
  const shim::Launch launch = Isolate({Set({v1::CapabilityInfo::KILL}),
                                       Set({v1::CapabilityInfo::KILL, v1::CapabilityInfo::CHOWN})});
  EXPECT_EQ(launch.effective_capabilities, kKill);
  EXPECT_EQ(launch.bounding_capabilities, kKill | kChown);
}

TEST_F(CapabilitiesIsolatorTest, TheTasksSetsOverrideTheOperators) {
  *Linux().mutable_effective_capabilities() = Set({v1::CapabilityInfo::CHOWN});
  const shim::Launch launch = Isolate({.effective = Set({v1::CapabilityInfo::KILL})});
  EXPECT_EQ(launch.effective_capabilities, kChown);
  EXPECT_EQ(launch.bounding_capabilities, kChown) << "an effective set is the bound, too";
}

TEST_F(CapabilitiesIsolatorTest, TheDeprecatedFieldIsTheEffectiveSet) {
  *Linux().mutable_capability_info() = Set({v1::CapabilityInfo::CHOWN});
  EXPECT_EQ(Isolate().effective_capabilities, kChown);
  *Linux().mutable_effective_capabilities() = Set({});
  EXPECT_EQ(Refusal(), "Only one of 'capability_info' and 'effective_capabilities' may be set");
}

TEST_F(CapabilitiesIsolatorTest, MoreThanTheBoundIsRefused) {
  *Linux().mutable_bounding_capabilities() = Set({v1::CapabilityInfo::CHOWN});
  EXPECT_EQ(Refusal({.bounding = Set({v1::CapabilityInfo::KILL})}),
            "The bounding capabilities asked for exceed the agent's --bounding_capabilities");
  *Linux().mutable_effective_capabilities() = Set({v1::CapabilityInfo::KILL});
  EXPECT_EQ(Refusal(), "The effective capabilities asked for exceed the bounding capabilities");
}

}  // namespace
}  // namespace tepui::containers
