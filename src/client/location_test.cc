// SPDX-License-Identifier: Apache-2.0
#include "client/location.h"

#include <gtest/gtest.h>

namespace tepui::client {
namespace {

// Reference 1.1: the Location of a redirect is relative to the scheme.
TEST(LocationTest, KeepsTheSchemeUnlessItNamesOne) {
  const auto leader = [](Scheme scheme) {
    return Endpoint{.scheme = scheme, .host = "leader", .port = 5050};
  };
  EXPECT_EQ(ParseLocation("//leader:5050/api/v1/scheduler", Scheme::kHttp), leader(Scheme::kHttp));
  EXPECT_EQ(ParseLocation("//leader:5050/", Scheme::kHttps), leader(Scheme::kHttps));
  EXPECT_EQ(ParseLocation("http://leader:5050", Scheme::kHttps), leader(Scheme::kHttp));
  EXPECT_EQ(ParseLocation("https://leader:5050/", Scheme::kHttp), leader(Scheme::kHttps));
  EXPECT_FALSE(ParseLocation("/api/v1/scheduler", Scheme::kHttp));
  EXPECT_FALSE(ParseLocation("//leader/", Scheme::kHttp));
}

}  // namespace
}  // namespace tepui::client
