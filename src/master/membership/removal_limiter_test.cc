// SPDX-License-Identifier: Apache-2.0
#include "master/membership/removal_limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/virtual_clock.h"

namespace tepui::master {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RemovalLimiterTest : public ::testing::Test {
 protected:
  void Schedule(const std::string& id) {
    limiter->Schedule(AgentId(id), [this, id] { removed.push_back(id); });
  }

  VirtualClock clock;
  std::optional<RemovalLimiter> limiter;
  std::vector<std::string> removed;
};

TEST_F(RemovalLimiterTest, WithoutARateEachGoesAtOnce) {
  limiter.emplace(clock, std::nullopt);
  Schedule("a");
  Schedule("b");
  EXPECT_THAT(removed, ElementsAre("a", "b"));
}

TEST_F(RemovalLimiterTest, OneAfterAnotherEvenlySpaced) {
  limiter.emplace(clock, RemovalRate{.agents = 2, .per = seconds(20)});
  Schedule("a");
  Schedule("b");
  Schedule("c");
  clock.Settle();
  EXPECT_THAT(removed, ElementsAre("a"));
  clock.Advance(seconds(9));
  EXPECT_THAT(removed, ElementsAre("a"));
  clock.Advance(seconds(1));
  EXPECT_THAT(removed, ElementsAre("a", "b"));
  clock.Advance(seconds(10));
  EXPECT_THAT(removed, ElementsAre("a", "b", "c"));
}

TEST_F(RemovalLimiterTest, AnIdleLimiterSavesNoTurnsUp) {
  limiter.emplace(clock, RemovalRate{.agents = 1, .per = seconds(10)});
  clock.Advance(seconds(100));
  Schedule("a");
  Schedule("b");
  clock.Settle();
  EXPECT_THAT(removed, ElementsAre("a"));
}

TEST_F(RemovalLimiterTest, ACanceledAgentGivesItsTurnToTheNext) {
  limiter.emplace(clock, RemovalRate{.agents = 1, .per = seconds(10)});
  Schedule("a");
  Schedule("b");
  Schedule("c");
  clock.Settle();
  EXPECT_TRUE(limiter->Cancel(AgentId("b")));
  EXPECT_FALSE(limiter->Cancel(AgentId("b")));
  EXPECT_FALSE(limiter->Cancel(AgentId("a")));
  clock.Advance(seconds(10));
  EXPECT_THAT(removed, ElementsAre("a", "c"));
}

TEST_F(RemovalLimiterTest, AnAgentThatWaitsKeepsItsTurn) {
  limiter.emplace(clock, RemovalRate{.agents = 1, .per = seconds(10)});
  Schedule("a");
  Schedule("b");
  Schedule("c");
  Schedule("b");
  EXPECT_TRUE(limiter->Waits(AgentId("b")));
  clock.Advance(seconds(60));
  EXPECT_THAT(removed, ElementsAre("a", "b", "c"));
}

TEST_F(RemovalLimiterTest, OneThatAsksAgainAfterItCanceledGoesToTheEnd) {
  limiter.emplace(clock, RemovalRate{.agents = 1, .per = seconds(10)});
  Schedule("a");
  Schedule("b");
  Schedule("c");
  limiter->Cancel(AgentId("b"));
  Schedule("b");
  clock.Advance(seconds(60));
  EXPECT_THAT(removed, ElementsAre("a", "c", "b"));
}

TEST_F(RemovalLimiterTest, NothingRunsAfterItsEnd) {
  limiter.emplace(clock, RemovalRate{.agents = 1, .per = seconds(10)});
  Schedule("a");
  limiter.reset();
  clock.Advance(seconds(10));
  EXPECT_THAT(removed, IsEmpty());
}

}  // namespace
}  // namespace tepui::master
