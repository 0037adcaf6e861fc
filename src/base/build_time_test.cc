// SPDX-License-Identifier: Apache-2.0
#include "base/build_time.h"

#include <gtest/gtest.h>

namespace tepui {
namespace {

TEST(BuildTimeTest, IsATimeInThisCentury) {
  EXPECT_GT(BuildTime(), 1'600'000'000);
  EXPECT_TRUE(BuildDate().starts_with("20")) << BuildDate();
  EXPECT_EQ(BuildDate().size(), std::string("2026-11-29 13:12:24").size());
}

}  // namespace
}  // namespace tepui
