// SPDX-License-Identifier: Apache-2.0
#include "base/timer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "base/mailbox.h"
#include "base/virtual_clock.h"

namespace tepui {
namespace {

using std::chrono::seconds;

TEST(TimerTest, TheLastSetCounts) {
  VirtualClock clock;
  Timer timer(clock);
  int ran = 0;
  timer.Set(seconds(1), [&] { ran = 1; });
  timer.Set(seconds(2), [&] { ran = 2; });
  EXPECT_EQ(timer.due(), clock.Now() + seconds(2));
  clock.Advance(seconds(1));
  EXPECT_EQ(ran, 0);
  EXPECT_TRUE(timer.pending());
  clock.Advance(seconds(1));
  EXPECT_EQ(ran, 2);
  EXPECT_FALSE(timer.pending());
}

TEST(TimerTest, DoesNotRunAfterItsEnd) {
  VirtualClock clock;
  bool ran = false;
  {
    Timer(clock).Set(seconds(1), [&] { ran = true; });
  }
  clock.Advance(seconds(2));
  EXPECT_FALSE(ran);
}

TEST(TimerTest, ItsCallbackMaySetItAgainOrDestroyIt) {
  VirtualClock clock;
  std::optional<Timer> timer(clock);
  int runs = 0;
  timer->Set(seconds(1), [&] {
    ++runs;
    timer->Set(seconds(1), [&] {
      ++runs;
      timer.reset();
    });
  });
  clock.Advance(seconds(5));
  EXPECT_EQ(runs, 2);
  EXPECT_FALSE(timer);
}

TEST(LifetimeTest, BoundCallbacksDoNothingAfterItsEnd) {
  std::optional<Lifetime> lifetime(std::in_place);
  int sum = 0;
  auto add = lifetime->Bind([&](int value) { sum += value; });
  const auto alive = lifetime->Alive();
  add(1);
  EXPECT_FALSE(alive.expired());
  lifetime.reset();
  add(2);
  EXPECT_EQ(sum, 1);
  EXPECT_TRUE(alive.expired());
}

TEST(MailboxTest, DropsWhatWasPostedBeforeItsEnd) {
  VirtualClock clock;
  std::optional<Mailbox> mailbox(
      [&](std::move_only_function<void()> work) { clock.After(seconds(0), std::move(work)); });
  int ran = 0;
  mailbox->Post([&] { ++ran; });
  EXPECT_EQ(ran, 0);
  clock.Settle();
  mailbox->Post([&] { ++ran; });
  mailbox.reset();
  clock.Settle();
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace tepui
