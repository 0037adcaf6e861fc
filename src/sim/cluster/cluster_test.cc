// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/nodes/recording_observer.h"

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Kind = Fault::Kind;
using ::testing::Contains;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::NotNull;

class ClusterTest : public testing::Test {
 protected:
  ClusterTest() {
    cluster_.Start();
    Advance(30s);
  }

  void Do(Kind kind, const Host& target, Duration lasts, int64_t amount = 0,
          const Host& other = "") {
    cluster_.Do({.at = {},
                 .lasts = lasts,
                 .kind = kind,
                 .target = target,
                 .other = other,
                 .amount = amount});
  }
  void Advance(Duration by) { world_.clock().Advance(by); }

  MasterNode& master(size_t i) { return *cluster_.masters()[i]; }
  AgentNode& agent(size_t i) { return *cluster_.agents()[i]; }
  SchedulerNode& scheduler(size_t i) { return *cluster_.schedulers()[i]; }
  Network& network() { return cluster_.network(); }

  World world_{1, false};
  RecordingObserver observer_;
  Cluster cluster_{world_, observer_, {.masters = 2, .agents = 2, .frameworks = 2}};
};

TEST_F(ClusterTest, ComesUp) {
  ASSERT_THAT(cluster_.leader(), NotNull());
  EXPECT_THAT(cluster_.leader()->read_model(), NotNull());
  for (const auto& agent : cluster_.agents()) {
    EXPECT_TRUE(agent->Snapshot()->registered) << agent->host();
  }
  for (const auto& scheduler : cluster_.schedulers()) {
    EXPECT_TRUE(scheduler->subscribed()) << scheduler->host();
  }
  EXPECT_THAT(scheduler(0).tasks(), Not(IsEmpty()));
}

TEST_F(ClusterTest, ACrashedProcessIsStartedAgain) {
  for (const char* host : {"agent-1", "framework-0"}) Do(Kind::kCrash, host, 10s);
  Do(Kind::kCrash, "master-0", 10s);
  EXPECT_FALSE(agent(1).running());
  EXPECT_FALSE(scheduler(0).running());
  EXPECT_FALSE(master(0).running());
  Advance(9s);
  EXPECT_FALSE(agent(1).running());
  EXPECT_FALSE(scheduler(0).running());
  EXPECT_FALSE(master(0).running());
  Advance(2s);
  EXPECT_TRUE(agent(1).running());
  EXPECT_TRUE(scheduler(0).running());
  EXPECT_TRUE(master(0).running());
}

// Two faults overlap: the node is down until both have ended.
TEST_F(ClusterTest, FaultsOfOneHostAddUp) {
  Do(Kind::kCrash, "agent-0", 10s);
  Do(Kind::kCrash, "agent-0", 30s);
  Do(Kind::kPause, "framework-0", 10s);
  Do(Kind::kPause, "framework-0", 30s);
  Do(Kind::kClockSkew, "framework-1", 10s, 100);
  Do(Kind::kClockSkew, "framework-1", 30s, -40);
  const auto skew = [&] { return scheduler(1).process()->WallNow() - world_.clock().WallNow(); };
  EXPECT_EQ(skew(), 60s);
  Advance(20s);
  EXPECT_FALSE(agent(0).running());
  EXPECT_TRUE(scheduler(0).process()->paused());
  EXPECT_EQ(skew(), -40s);
  Advance(11s);
  EXPECT_TRUE(agent(0).running());
  EXPECT_FALSE(scheduler(0).process()->paused());
  EXPECT_EQ(skew(), 0s);
}

TEST_F(ClusterTest, Partitions) {
  Do(Kind::kPartition, "master-0", 10s, 0, "agent-0");
  Do(Kind::kOneWayPartition, "agent-1", 20s, 0, "master-1");
  EXPECT_FALSE(network().Reaches("master-0", "agent-0"));
  EXPECT_FALSE(network().Reaches("agent-0", "master-0"));
  EXPECT_FALSE(network().Reaches("agent-1", "master-1"));
  EXPECT_TRUE(network().Reaches("master-1", "agent-1"));
  Do(Kind::kIsolation, "agent-0", 30s);
  for (const char* other : {"master-0", "master-1", "agent-1", "framework-0", "coordination"}) {
    EXPECT_FALSE(network().Reaches("agent-0", other)) << other;
    EXPECT_FALSE(network().Reaches(other, "agent-0")) << other;
  }
  EXPECT_TRUE(network().Reaches("agent-0", "agent-0"));
  Advance(21s);
  EXPECT_FALSE(network().Reaches("master-0", "agent-0"));
  EXPECT_TRUE(network().Reaches("agent-1", "master-1"));
  Advance(10s);
  EXPECT_TRUE(network().Reaches("master-0", "agent-0"));
  EXPECT_TRUE(network().Reaches("coordination", "agent-0"));
}

TEST_F(ClusterTest, Stores) {
  const StoreBehaviour usual = master(0).store();
  Do(Kind::kSlowStore, "master-0", 10s, 500);
  Do(Kind::kSlowStore, "master-0", 20s, 200);
  Do(Kind::kFailingStore, "master-0", 20s);
  EXPECT_EQ(master(0).store().max_delay, 500ms);
  EXPECT_TRUE(master(0).store().fails);
  EXPECT_FALSE(master(1).store().fails);
  Advance(15s);
  EXPECT_EQ(master(0).store().max_delay, 200ms);
  Advance(6s);
  EXPECT_EQ(master(0).store().max_delay, usual.max_delay);
  EXPECT_FALSE(master(0).store().fails);
}

TEST_F(ClusterTest, AnAgentThatWasShutDownComesBack) {
  Do(Kind::kShutdown, "agent-0", 1min);
  Do(Kind::kShutdown, "agent-1", 1min, 1);
  Advance(59s);
  EXPECT_FALSE(agent(0).running());
  EXPECT_FALSE(agent(1).running());
  EXPECT_THAT(observer_.committed, Contains(testing::HasSubstr(" remove ")));
  Advance(1min);
  EXPECT_TRUE(agent(0).Snapshot()->registered);
  EXPECT_TRUE(agent(1).Snapshot()->registered);
}

// The fault cannot rely on the supervisor, which does not start an agent that was shut down.
TEST_F(ClusterTest, AnAgentIsStartedAlsoIfItIsStillShuttingDown) {
  Do(Kind::kShutdown, "agent-0", 1ms);
  Advance(1min);
  EXPECT_TRUE(agent(0).running());
  EXPECT_TRUE(agent(0).Snapshot()->registered);
}

TEST_F(ClusterTest, ContainersFailToStartAndDie) {
  Do(Kind::kFailingLaunches, "agent-0", 60s);
  Do(Kind::kFailingLaunches, "agent-1", 60s);
  size_t failed = 0;
  Advance(60s);
  for (const auto& [id, state] : scheduler(1).tasks()) failed += state == v1::TASK_FAILED ? 1 : 0;
  EXPECT_GT(failed, 1u);
  Advance(60s);
  const std::vector<std::string> before = agent(0).RunningTasks();
  ASSERT_THAT(before, Not(IsEmpty()));
  Do(Kind::kContainerDeath, "agent-0", 0s);
  EXPECT_LT(agent(0).RunningTasks().size(), before.size());
}

TEST_F(ClusterTest, ASlowNetworkAndResetsAreSurvived) {
  Do(Kind::kSlowNetwork, "", 30s, 20);
  Do(Kind::kSlowNetwork, "", 60s, 5);
  for (const char* other : {"agent-0", "framework-0", "framework-1"}) {
    for (const char* master : {"master-0", "master-1"}) Do(Kind::kReset, master, 0s, 0, other);
  }
  Advance(3s);
  EXPECT_FALSE(scheduler(0).subscribed() && scheduler(1).subscribed());
  Advance(2min);
  EXPECT_TRUE(scheduler(0).subscribed());
  EXPECT_TRUE(agent(0).Snapshot()->registered);
}

TEST_F(ClusterTest, AnAgentThatWasMarkedGoneComesBackAsANewOne) {
  const std::string id = agent(0).id();
  ASSERT_NE(id, "");
  Do(Kind::kMarkGone, "agent-0", 0s, 1);
  EXPECT_THAT(cluster_.operator_node().Unanswered(), Each("MARK_AGENT_GONE of " + id));
  Advance(1min);
  EXPECT_THAT(cluster_.operator_node().Unanswered(), IsEmpty());
  EXPECT_THAT(observer_.committed, Contains("1 gone " + id));
  EXPECT_TRUE(agent(0).Snapshot()->registered);
  EXPECT_NE(agent(0).id(), id);
}

TEST_F(ClusterTest, AFrameworkThatWasTornDownComesBackAsANewOne) {
  const std::string id = scheduler(0).framework_id();
  Do(Kind::kTeardown, "framework-0", 0s);
  Advance(1min);
  EXPECT_THAT(observer_.committed, Contains("1 remove framework " + id));
  EXPECT_TRUE(scheduler(0).subscribed());
  EXPECT_NE(scheduler(0).framework_id(), id);
  const std::vector<std::string> before = observer_.committed;
  Do(Kind::kTeardown, "framework-0", 0s, 2);
  Advance(1min);
  EXPECT_EQ(observer_.committed, before);
  EXPECT_EQ(observer_.answered.back(), "master-0 TEARDOWN 400");
}

// An agent or framework that never was is named by an id that nobody has.
TEST_F(ClusterTest, TheOperatorMayNameUnknownAgentsAndFrameworks) {
  Do(Kind::kMarkGone, "agent-0", 0s, 2);
  Do(Kind::kTeardown, "framework-0", 0s, 2);
  Advance(1min);
  EXPECT_THAT(observer_.answered,
              IsSupersetOf({"master-0 MARK_AGENT_GONE 404", "master-0 TEARDOWN 400"}));
  EXPECT_TRUE(agent(0).Snapshot()->registered);
  EXPECT_TRUE(scheduler(0).subscribed());
}

TEST_F(ClusterTest, TheCalmEndsTheEffectsOfFaults) {
  Do(Kind::kCrash, "master-0", 1h);
  Do(Kind::kCrash, "framework-1", 1h);
  Do(Kind::kShutdown, "agent-0", 1h);
  Do(Kind::kPause, "agent-1", 1h);
  Do(Kind::kIsolation, "framework-0", 1h);
  Advance(1min);
  cluster_.Calm();
  EXPECT_TRUE(master(0).running());
  EXPECT_FALSE(agent(1).process()->paused());
  EXPECT_TRUE(network().Reaches("framework-0", "master-0"));
  Advance(1min);
  for (const auto& scheduler : cluster_.schedulers()) EXPECT_TRUE(scheduler->subscribed());
  for (const auto& agent : cluster_.agents()) EXPECT_TRUE(agent->Snapshot()->registered);
  const size_t launched = scheduler(0).tasks().size() + scheduler(1).tasks().size();
  Advance(5min);
  EXPECT_EQ(scheduler(0).tasks().size() + scheduler(1).tasks().size(), launched);
}

}  // namespace
}  // namespace tepui::sim
