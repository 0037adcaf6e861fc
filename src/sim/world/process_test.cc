// SPDX-License-Identifier: Apache-2.0
#include "sim/world/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tepui::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class ProcessTest : public testing::Test {
 protected:
  std::move_only_function<void()> Say(std::string word) {
    return [this, word = std::move(word)] { said_.push_back(word); };
  }

  World world_{1, /*keep_trace=*/false};
  std::vector<std::string> said_;
};

TEST_F(ProcessTest, RunsWorkInOrderAndFromNoOtherCallsStack) {
  Process process(world_, "p");
  process.After(milliseconds(2), Say("later"));
  process.Post(Say("a"));
  process.Post([&] {
    process.Post(Say("c"));
    said_.push_back("b");
  });
  EXPECT_THAT(said_, IsEmpty());
  world_.clock().Advance(milliseconds(1));
  EXPECT_THAT(said_, ElementsAre("a", "b", "c"));
  world_.clock().Advance(milliseconds(1));
  EXPECT_THAT(said_, ElementsAre("a", "b", "c", "later"));
}

TEST_F(ProcessTest, ACancelledTimerDoesNotRun) {
  Process process(world_, "p");
  const TimerId timer = process.After(seconds(1), Say("never"));
  EXPECT_TRUE(process.Cancel(timer));
  EXPECT_FALSE(process.Cancel(timer));
  world_.clock().Advance(seconds(2));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(ProcessTest, WhatCameDueDuringAPauseRunsAtItsEndInOrder) {
  Process process(world_, "p");
  process.After(seconds(3), Say("3"));
  process.After(seconds(1), Say("1"));
  process.After(seconds(9), Say("9"));
  const TimerId doomed = process.After(seconds(2), Say("cancelled while it waited"));
  process.Pause();
  process.Post(Say("0"));
  world_.clock().Advance(seconds(5));
  EXPECT_THAT(said_, IsEmpty());
  EXPECT_TRUE(process.Cancel(doomed));
  process.Resume();
  EXPECT_THAT(said_, IsEmpty());  // Callbacks do not run from inside Resume.
  process.Post(Say("posted after"));
  world_.clock().Advance(Process::kCatchUpStep);
  EXPECT_THAT(said_, ElementsAre("0", "1"));
  world_.clock().Advance(4 * Process::kCatchUpStep);
  EXPECT_THAT(said_, ElementsAre("0", "1", "3", "posted after"));
  world_.clock().Advance(seconds(4));
  EXPECT_EQ(said_.back(), "9");
}

TEST_F(ProcessTest, APauseWithinTheBacklogOfAnotherKeepsTheRest) {
  Process process(world_, "p");
  process.Post([&] {
    said_.push_back("a");
    process.Pause();
  });
  process.Post(Say("b"));
  process.Pause();
  world_.clock().Settle();
  process.Resume();
  world_.clock().Advance(milliseconds(1));
  EXPECT_THAT(said_, ElementsAre("a"));
  process.Resume();
  world_.clock().Advance(milliseconds(1));
  EXPECT_THAT(said_, ElementsAre("a", "b"));
}

TEST_F(ProcessTest, NothingRunsAfterTheEnd) {
  std::optional<Process> process(std::in_place, world_, "p");
  process->AtEnd(Say("end"));
  process->ForgetAtEnd(process->AtEnd(Say("forgotten")));
  process->Post(Say("posted"));
  process->After(minutes(1), Say("timer"));
  process->Pause();
  process.reset();
  EXPECT_THAT(said_, ElementsAre("end"));
  world_.clock().Advance(minutes(2));
  EXPECT_THAT(said_, ElementsAre("end"));
}

TEST_F(ProcessTest, MayEndFromInsideItself) {
  auto process = std::make_unique<Process>(world_, "p");
  process->Post([&] {
    process->Kill();
    EXPECT_FALSE(process->alive());
    process->Post(Say("dead"));
    process->After(seconds(1), Say("dead"));
    process->AtEnd(Say("late"));
    process.reset();
  });
  process->Post(Say("next"));
  world_.clock().Advance(seconds(2));
  EXPECT_EQ(process, nullptr);
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(ProcessTest, WhatTimersHoldGoesWhenTheProcessEnds) {
  const auto held = std::make_shared<int>(0);
  Process process(world_, "p");
  process.After(minutes(10), [held] { ++*held; });
  EXPECT_EQ(held.use_count(), 2);
  process.Kill();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(ProcessTest, TheWallClockMayBeOffAndTimersDoNotNotice) {
  Process process(world_, "p");
  process.SetWallSkew(-seconds(90));
  EXPECT_EQ(process.WallNow(), world_.clock().WallNow() - seconds(90));
  EXPECT_EQ(process.Now(), world_.clock().Now());
  process.After(seconds(1), Say("a"));
  process.SetWallSkew(seconds(90));
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(said_, ElementsAre("a"));
}

TEST(World, StreamsOfRandomnessDifferByNameAndBySeedOnly) {
  World world(7, false);
  World same(7, false);
  World other(8, false);
  const uint64_t first = world.MakeRandom("a").Next();
  EXPECT_EQ(first, same.MakeRandom("a").Next());
  EXPECT_NE(first, world.MakeRandom("b").Next());
  EXPECT_NE(first, other.MakeRandom("a").Next());
}

TEST(Trace, EqualLinesMakeEqualHashesAndOthersDoNot) {
  const auto hash = [](Duration when, std::string_view text) {
    Trace trace(false);
    trace.Write(MonotonicTime(when), "{}", text);
    return trace.hash();
  };
  EXPECT_EQ(hash(seconds(1), "agent-0 runs task 1"), hash(seconds(1), "agent-0 runs task 1"));
  EXPECT_NE(hash(seconds(1), "agent-0 runs task 1"), hash(seconds(2), "agent-0 runs task 1"));
  EXPECT_NE(hash(seconds(1), "agent-0 runs task 1"), hash(seconds(1), "agent-0 runs task 2"));
  EXPECT_NE(hash(seconds(1), "agent-0 runs task 1"), hash(seconds(1), "agent-1 runs task 1"));
}

TEST(Trace, KeepsAllLinesOrTheLast) {
  Trace all(true);
  Trace recent(false);
  for (uint64_t i = 0; i < 3 * Trace::kRecent; ++i) {
    for (Trace* trace : {&all, &recent}) trace->Write(MonotonicTime(milliseconds(i)), "line {}", i);
  }
  EXPECT_EQ(all.lines(), 3 * Trace::kRecent);
  EXPECT_EQ(recent.lines(), 3 * Trace::kRecent);
  EXPECT_EQ(all.hash(), recent.hash());
  EXPECT_TRUE(all.text().starts_with("0.000000000 line 0\n0.001000000 line 1\n"));
  EXPECT_TRUE(all.text().ends_with(recent.text()));
  EXPECT_LT(recent.text().size(), all.text().size());
  EXPECT_GE(static_cast<uint64_t>(std::ranges::count(recent.text(), '\n')), Trace::kRecent);
}

}  // namespace
}  // namespace tepui::sim
