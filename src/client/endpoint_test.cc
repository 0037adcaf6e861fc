// SPDX-License-Identifier: Apache-2.0
#include "client/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tepui::client {
namespace {

using ::testing::HasSubstr;

TEST(EndpointTest, ParsesHostsAndAddresses) {
  EXPECT_EQ(ParseEndpoint("host:5050"), (Endpoint{.host = "host", .port = 5050, .unix_path = ""}));
  EXPECT_EQ(ParseEndpoint("[::1]:1"), (Endpoint{.host = "::1", .port = 1, .unix_path = ""}));
  EXPECT_EQ(ToString(*ParseEndpoint("[::1]:1")), "[::1]:1");
  EXPECT_EQ(ToString(*ParseEndpoint("a.b:65535")), "a.b:65535");
  for (const std::string_view text : {"", "host", "host:", "host:0", "host:65536", "host:x", ":80",
                                      "::1:80", "a b:80", "a/b:80", "host:80/", "[]:80"}) {
    EXPECT_FALSE(ParseEndpoint(text)) << text;
  }
}

// Reference 1.1: the Location of a redirect is relative to the scheme.
TEST(EndpointTest, Locations) {
  EXPECT_EQ(ToString(*ParseLocation("//leader:5050/api/v1/scheduler")), "leader:5050");
  EXPECT_EQ(ToString(*ParseLocation("http://leader:5050")), "leader:5050");
  EXPECT_FALSE(ParseLocation("/api/v1/scheduler"));
  EXPECT_FALSE(ParseLocation("https://leader:5050/"));
  EXPECT_FALSE(ParseLocation("//leader/"));
}

}  // namespace
}  // namespace tepui::client
