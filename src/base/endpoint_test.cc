// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint.h"

#include <gtest/gtest.h>

namespace tepui {
namespace {

TEST(EndpointTest, ParsesHostsAndAddresses) {
  EXPECT_EQ(ParseEndpoint("host:5050"), (Endpoint{.host = "host", .port = 5050}));
  EXPECT_EQ(ParseEndpoint("[::1]:1"), (Endpoint{.host = "::1", .port = 1}));
  EXPECT_EQ(ToString(*ParseEndpoint("[::1]:1")), "[::1]:1");
  EXPECT_EQ(ToString(*ParseEndpoint("a.b:65535")), "a.b:65535");
  for (const std::string_view text :
       {"", "host", "host:", "host:0", "host:65536", "host:x", ":80", "::1:80", "a b:80", "a/b:80",
        "host:80/", "[]:80", "http://host", "ftp://host:80"}) {
    EXPECT_FALSE(ParseEndpoint(text)) << text;
  }
}

TEST(EndpointTest, HasAScheme) {
  EXPECT_EQ(ParseEndpoint("http://host:80"), (Endpoint{.host = "host", .port = 80}));
  EXPECT_EQ(ParseEndpoint("https://host:80"),
            (Endpoint{.scheme = Scheme::kHttps, .host = "host", .port = 80}));
}

}  // namespace
}  // namespace tepui
