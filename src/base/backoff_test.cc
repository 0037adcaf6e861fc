// SPDX-License-Identifier: Apache-2.0
#include "base/backoff.h"

#include <gtest/gtest.h>

namespace tepui {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(BackoffTest, DoublesUpToTheLongest) {
  Backoff backoff(seconds(10), seconds(60));
  for (const int expected : {10, 20, 40, 60, 60}) EXPECT_EQ(backoff.Next(), seconds(expected));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), seconds(10));
}

TEST(BackoffTest, KeepsItsBoundsWhereTheyAreUnusual) {
  Backoff longer(seconds(90), seconds(60));
  EXPECT_EQ(longer.Next(), seconds(90)) << "the first is as it was asked for";
  EXPECT_EQ(longer.Next(), seconds(60));

  Backoff none(Duration::zero(), Duration::zero());
  none.Next();
  EXPECT_EQ(none.Next(), Duration::zero());

  Backoff longest(hours(1), Duration::max());
  for (int i = 0; i < 100; ++i) EXPECT_GT(longest.Next(), Duration::zero());
  EXPECT_EQ(longest.Next(), Duration::max());
}

}  // namespace
}  // namespace tepui
