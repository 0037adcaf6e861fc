// SPDX-License-Identifier: Apache-2.0
#include "base/seconds.h"

#include <gtest/gtest.h>

#include <limits>

namespace tepui {
namespace {

using namespace std::chrono_literals;

TEST(Seconds, AreWrittenWithTheirFraction) {
  EXPECT_EQ(Seconds(Duration(1500ms)), 1.5);
  EXPECT_EQ(Seconds(Duration(-2s)), -2);
  EXPECT_EQ(Seconds(WallTime(1'700'000'000s)), 1'700'000'000);
}

TEST(Seconds, AreReadWithinTheirRange) {
  EXPECT_EQ(FromSeconds(1.5), 1500ms);
  EXPECT_EQ(FromSeconds(0), 0s);
  EXPECT_EQ(FromSeconds(-1), 0s);
  EXPECT_EQ(FromSeconds(std::numeric_limits<double>::quiet_NaN()), 0s);
  EXPECT_EQ(FromSeconds(1e300), std::chrono::hours(50 * 365 * 24));
  EXPECT_EQ(FromSeconds(std::numeric_limits<double>::infinity()), FromSeconds(1e300));
}

}  // namespace
}  // namespace tepui
