// SPDX-License-Identifier: Apache-2.0
#include "base/virtual_clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace tepui {
namespace {

using std::chrono::milliseconds;

TEST(VirtualClock, TimersRunInDueOrderEachAtItsInstant) {
  VirtualClock clock;
  std::vector<std::pair<int, Duration>> ran;
  const MonotonicTime start = clock.Now();
  const auto record = [&](int which) {
    return [&, which] { ran.emplace_back(which, clock.Now() - start); };
  };
  clock.After(milliseconds(20), record(2));
  clock.After(milliseconds(10), record(1));
  clock.After(milliseconds(20),
              record(3));  // Due at the same instant: runs in the order of scheduling.
  clock.After(milliseconds(31), record(4));
  clock.Advance(milliseconds(30));
  EXPECT_EQ(ran, (std::vector<std::pair<int, Duration>>{
                     {1, milliseconds(10)}, {2, milliseconds(20)}, {3, milliseconds(20)}}));
  EXPECT_EQ(clock.Now() - start, milliseconds(30));
  EXPECT_EQ(clock.WallNow() - VirtualClock().WallNow(), milliseconds(30));
}

TEST(VirtualClock, ATimerMayScheduleAndCancelOthers) {
  VirtualClock clock;
  int ran = 0;
  const TimerId doomed = clock.After(milliseconds(10), [&] { ran += 100; });
  clock.After(milliseconds(5), [&] {
    ++ran;
    EXPECT_TRUE(clock.Cancel(doomed));
    clock.After(milliseconds(5), [&] { ++ran; });
  });
  clock.Advance(milliseconds(10));
  EXPECT_EQ(ran, 2);
}

TEST(VirtualClock, CancelTellsWhetherTheTimerWasPending) {
  VirtualClock clock;
  const TimerId timer = clock.After(Duration::zero(), [] {});
  EXPECT_NE(timer, 0u);
  clock.Settle();
  EXPECT_FALSE(clock.Cancel(timer));
  EXPECT_FALSE(clock.Cancel(0));
}

TEST(VirtualClock, AfterNeverRunsInsideTheCall) {
  VirtualClock clock;
  bool ran = false;
  clock.After(Duration::zero(), [&] { ran = true; });
  EXPECT_FALSE(ran);
  EXPECT_TRUE(clock.Step());
  EXPECT_TRUE(ran);
  EXPECT_FALSE(clock.Step());
}

}  // namespace
}  // namespace tepui
