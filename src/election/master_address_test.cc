// SPDX-License-Identifier: Apache-2.0
#include "election/master_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tepui::election {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MasterAddress, NamesOneMaster) {
  EXPECT_EQ(ToString(*ParseMaster("m:5050")), "m:5050");
  EXPECT_EQ(ToString(*ParseMaster("http://m:5050/")), "m:5050");
  EXPECT_EQ(ToString(*ParseMaster("master@1.2.3.4:5050")), "1.2.3.4:5050");
}

TEST(MasterAddress, OrWhereMastersMeet) {
  const auto address = ParseMaster("zk://user:secret@a:1,b:2/mesos");
  ASSERT_TRUE(address) << address.error().message;
  ASSERT_TRUE(std::holds_alternative<zookeeper::Address>(*address));
  EXPECT_EQ(std::get<zookeeper::Address>(*address).path, "/mesos");
  EXPECT_THAT(ToString(*address), Not(HasSubstr("secret")));
}

TEST(MasterAddress, OfALeaderIsItsAddressBeforeItsName) {
  v1::MasterInfo leader;
  leader.set_hostname("m.example");
  leader.set_port(5050);
  EXPECT_EQ(ToString(WhereIs(leader)), "m.example:5050");
  leader.mutable_address()->set_ip("10.0.0.1");
  leader.mutable_address()->set_port(5051);
  EXPECT_EQ(ToString(WhereIs(leader)), "10.0.0.1:5051");
}

TEST(MasterAddress, SaysHowItShouldLook) {
  EXPECT_THAT(ParseMaster("m").error().message, HasSubstr("host:port"));
  EXPECT_THAT(ParseMaster("https://a:1").error().message, HasSubstr("TLS is not supported yet"));
  EXPECT_FALSE(ParseMaster("zk://"));
}

}  // namespace
}  // namespace tepui::election
