// SPDX-License-Identifier: Apache-2.0
#include "containers/isolators/rlimits_isolator.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace tepui::containers {
namespace {

using RLimit = v1::RLimitInfo::RLimit;

class RlimitsIsolatorTest : public testing::Test {
 protected:
  RlimitsIsolatorTest() { spec_.container.emplace().set_type(v1::ContainerInfo::MESOS); }

  RLimit& Add(RLimit::Type type) {
    RLimit& limit = *spec_.container->mutable_rlimit_info()->add_rlimits();
    limit.set_type(type);
    return limit;
  }

  // Returns the sentence of the refusal; "" if there is none.
  std::string Refusal() {
    const Status checked = isolator_.Check({.spec = spec_});
    return checked ? "" : checked.error().message;
  }

  LaunchSpec spec_;
  RlimitsIsolator isolator_;
};

TEST_F(RlimitsIsolatorTest, LimitsReachTheLaunch) {
  RLimit& files = Add(RLimit::RLMT_NOFILE);
  files.set_soft(100);
  files.set_hard(200);
  Add(RLimit::RLMT_CORE);
  shim::Launch launch;
  ASSERT_EQ(Refusal(), "");
  ASSERT_TRUE(isolator_.Isolate({.spec = spec_}, &launch));
  ASSERT_EQ(launch.rlimits.size(), 2u);
  EXPECT_EQ(launch.rlimits[0].resource, static_cast<uint32_t>(RLIMIT_NOFILE));
  EXPECT_EQ(launch.rlimits[0].soft, 100u);
  EXPECT_EQ(launch.rlimits[0].hard, 200u);
  EXPECT_EQ(launch.rlimits[1].resource, static_cast<uint32_t>(RLIMIT_CORE));
  EXPECT_EQ(launch.rlimits[1].soft, ~uint64_t{0}) << "no limit";
  EXPECT_EQ(launch.rlimits[1].hard, ~uint64_t{0});
}

TEST_F(RlimitsIsolatorTest, ATaskWithoutLimitsKeepsTheAgents) {
  shim::Launch launch;
  EXPECT_EQ(Refusal(), "");
  ASSERT_TRUE(isolator_.Isolate({.spec = spec_}, &launch));
  EXPECT_TRUE(launch.rlimits.empty());
}

TEST_F(RlimitsIsolatorTest, HalfALimitIsRefused) {
  Add(RLimit::RLMT_NOFILE).set_soft(1);
  EXPECT_EQ(Refusal(),
            "Rlimit RLMT_NOFILE must have both a soft and a hard value, or neither for no limit");
}

TEST_F(RlimitsIsolatorTest, ASoftLimitAboveTheHardOneIsRefused) {
  RLimit& limit = Add(RLimit::RLMT_NOFILE);
  limit.set_soft(2);
  limit.set_hard(1);
  EXPECT_EQ(Refusal(), "The soft value of rlimit RLMT_NOFILE is above the hard one");
}

TEST_F(RlimitsIsolatorTest, UnknownTypesAndTooManyAreRefused) {
  Add(RLimit::UNKNOWN);
  EXPECT_EQ(Refusal(), "An rlimit of the container has an unknown type");
  for (uint32_t i = 0; i < shim::kMaxRlimits; ++i) Add(RLimit::RLMT_CORE);
  EXPECT_EQ(Refusal(), "The container has more than 16 rlimits");
}

TEST_F(RlimitsIsolatorTest, NamesOfTheKernelsResources) {
  EXPECT_EQ(RlimitName(RLIMIT_NOFILE), "RLMT_NOFILE");
  EXPECT_EQ(RlimitName(999), "unknown");
}

}  // namespace
}  // namespace tepui::containers
