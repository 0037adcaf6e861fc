// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/agent_node.h"

#include "sim/nodes/agent_node_fixture.h"

namespace tepui::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST_F(AgentNodeTest, SubscribesWithTheLeadingMaster) {
  EXPECT_FALSE(node_.running());
  EXPECT_EQ(node_.process(), nullptr);
  EXPECT_EQ(node_.Snapshot(), nullptr);
  Start();
  ASSERT_THAT(master_.subscriptions, SizeIs(1));
  EXPECT_FALSE(master_.subscriptions[0].info().has_id());
  EXPECT_EQ(master_.subscriptions[0].info().hostname(), "agent-0");
  EXPECT_EQ(node_.Snapshot()->id, AgentId("S1"));
  EXPECT_THAT(observer_.lives, ElementsAre("agent-0 starts"));
}

TEST_F(AgentNodeTest, RunsATaskAndReportsIt) {
  Start();
  Run("t", "run=30s");
  Advance(seconds(20));
  EXPECT_THAT(node_.RunningTasks(), ElementsAre("t"));
  EXPECT_THAT(master_.States("t"), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
  Advance(seconds(20));
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
  EXPECT_THAT(master_.States("t"),
              ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
  EXPECT_THAT(node_.Snapshot()->frameworks, IsEmpty()) << "the last status was acknowledged";
}

TEST_F(AgentNodeTest, KillsInTwoSteps) {
  Start();
  Run("polite", "run=inf");
  Run("stubborn", "run=inf term=ignore");
  Advance(seconds(1));
  Kill("polite");
  Kill("stubborn");
  Advance(seconds(1));
  EXPECT_EQ(master_.States("polite").back(), v1::TASK_KILLED);
  EXPECT_THAT(node_.RunningTasks(), ElementsAre("stubborn"));
  Advance(seconds(5));
  EXPECT_EQ(master_.States("stubborn").back(), v1::TASK_KILLED);
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
}

TEST_F(AgentNodeTest, TheLimitOfMemoryIsTold) {
  Start();
  Run("t", "run=5s end=oom");
  Advance(seconds(10));
  ASSERT_FALSE(master_.statuses.empty());
  EXPECT_EQ(master_.statuses.back().state(), v1::TASK_FAILED);
  EXPECT_EQ(master_.statuses.back().reason(), v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
}

TEST_F(AgentNodeTest, FaultsOfTheRuntime) {
  Start();
  node_.SetLaunchesFail(true);
  Run("a", "run=inf");
  Advance(seconds(1));
  EXPECT_THAT(master_.States("a"), ElementsAre(v1::TASK_FAILED));
  node_.SetLaunchesFail(false);
  Run("b", "run=inf");
  Advance(seconds(1));
  SeededRandom random(1);
  node_.KillContainer(random);
  Advance(seconds(1));
  EXPECT_EQ(master_.States("b").back(), v1::TASK_FAILED);
}

TEST_F(AgentNodeTest, AMachineThatIsReplacedLosesAll) {
  Start();
  Run("t", "run=inf");
  Advance(seconds(1));
  node_.Crash(/*replace=*/true);
  EXPECT_FALSE(node_.running());
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1", "t ends"));
  EXPECT_THAT(observer_.lives, ElementsAre("agent-0 starts", "agent-0 ends: crash"));
  Advance(minutes(5));
  EXPECT_FALSE(node_.running());
  EXPECT_EQ(master_.lost, 1);
  Start();
  ASSERT_THAT(master_.subscriptions, SizeIs(2));
  EXPECT_FALSE(master_.subscriptions[1].info().has_id()) << "it remembers nothing";
  EXPECT_THAT(master_.subscriptions[1].tasks(), IsEmpty());
}

TEST_F(AgentNodeTest, AMachineThatCrashesKeepsItsDisk) {
  framework_.set_checkpoint(true);
  Start();
  Run("t", "run=inf");
  Advance(seconds(1));
  node_.Crash(/*replace=*/false);
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1", "t ends"));
  Advance(minutes(1));
  Start();
  ASSERT_THAT(master_.subscriptions, SizeIs(2));
  EXPECT_EQ(master_.subscriptions[1].info().id().value(), "S1");
  EXPECT_EQ(master_.States("t").back(), v1::TASK_FAILED);
}

TEST_F(AgentNodeTest, WhatWasNotWrittenIsLostWithTheProcess) {
  framework_.set_checkpoint(true);
  Start();
  node_.store().min_delay = node_.store().max_delay = seconds(10);
  Run("t", "run=inf");
  Advance(seconds(5));
  node_.KillProcess();
  node_.store() = {};
  Advance(minutes(1));
  Start();
  ASSERT_THAT(master_.subscriptions, SizeIs(2));
  EXPECT_EQ(master_.subscriptions[1].info().id().value(), "S1");
  EXPECT_THAT(master_.subscriptions[1].tasks(), IsEmpty());
  EXPECT_THAT(master_.States("t"), IsEmpty());
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
}

TEST_F(AgentNodeTest, EndsWhenItsStoreFails) {
  framework_.set_checkpoint(true);
  Start();
  Run("t", "run=inf");
  Advance(seconds(1));
  node_.store().fails = true;
  Run("u", "run=inf");
  Advance(minutes(1));
  EXPECT_THAT(observer_.lives, Contains(HasSubstr("ends: The store failed")));
  node_.store().fails = false;
  Advance(seconds(10));
  EXPECT_TRUE(node_.Snapshot()->registered);
  EXPECT_THAT(node_.RunningTasks(), Contains("t"));
  EXPECT_EQ(master_.subscriptions.back().info().id().value(), "S1");
}

TEST_F(AgentNodeTest, TasksGoOnWithoutTheAgentsProcess) {
  framework_.set_checkpoint(true);
  Start();
  Run("t", "run=30s");
  Advance(seconds(1));
  node_.KillProcess();
  EXPECT_FALSE(node_.running());
  EXPECT_THAT(observer_.lives, ElementsAre("agent-0 starts", "agent-0 ends: killed"));
  Advance(minutes(1));
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1", "t ends"));
  Start();
  ASSERT_THAT(master_.subscriptions, SizeIs(2));
  EXPECT_EQ(master_.subscriptions[1].info().id().value(), "S1");
  EXPECT_EQ(master_.States("t").back(), v1::TASK_FINISHED);
}

TEST_F(AgentNodeTest, IsStartedAgainAfterItEndedByItself) {
  Start();
  Run("t", "run=inf term=ignore");
  Advance(seconds(1));
  link::Event event;
  event.set_type(link::Event::SHUTDOWN);
  event.set_message("you were gone too long");
  master_.Send(event);
  Advance(seconds(20));
  EXPECT_THAT(observer_.lives,
              ElementsAre("agent-0 starts",
                          "agent-0 ends: The master shut this agent down: you were gone too long",
                          "agent-0 starts"));
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1", "t ends"));
  EXPECT_TRUE(node_.Snapshot()->registered);
}

TEST_F(AgentNodeTest, UnregistersInOrderAndStaysDown) {
  Start();
  Run("t", "run=inf");
  Advance(seconds(1));
  node_.Unregister();
  Advance(minutes(1));
  EXPECT_FALSE(node_.running());
  EXPECT_EQ(master_.calls.back().type(), link::Call::UNREGISTER);
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1", "t ends"));
  EXPECT_THAT(observer_.lives, ElementsAre("agent-0 starts", "agent-0 ends: shut down"));
  Start();
}

TEST_F(AgentNodeTest, IsWantedAgainWhileItEnds) {
  Start();
  Run("t", "run=inf term=ignore");
  Advance(seconds(1));
  node_.Leave();
  Advance(seconds(1));
  EXPECT_TRUE(node_.running()) << "the task has its grace period";
  node_.Start();
  Advance(seconds(30));
  EXPECT_EQ(observer_.lives.size(), 3u);
  EXPECT_TRUE(node_.Snapshot()->registered);
  EXPECT_EQ(master_.calls.size(), 2u) << "STARTING and RUNNING; no UNREGISTER";
}

TEST_F(AgentNodeTest, ANewLeaderHearsWhatRuns) {
  Start();
  Run("t", "run=inf");
  Advance(seconds(1));
  FakeMaster next(world_, network_, election_, "master-1");
  master_.Crash();
  Advance(minutes(1));
  EXPECT_EQ(election_.leader(), "master-1");
  ASSERT_THAT(next.subscriptions, SizeIs(1));
  EXPECT_EQ(next.subscriptions[0].info().id().value(), "S1");
  ASSERT_THAT(next.subscriptions[0].tasks(), SizeIs(1));
  EXPECT_EQ(next.subscriptions[0].tasks(0).state(), v1::TASK_RUNNING);
  Advance(minutes(1));
  EXPECT_TRUE(node_.Snapshot()->registered);
}

// Each status is repeated until its acknowledgement arrives, on this link and on the next.
TEST_F(AgentNodeTest, RepeatsWhatIsNotAcknowledged) {
  Start();
  master_.acknowledges = false;
  Run("t", "run=1s");
  Advance(seconds(15));
  EXPECT_THAT(master_.States("t"), ElementsAre(v1::TASK_STARTING));
  EXPECT_THAT(master_.calls, SizeIs(2));
  network_.Reset("agent-0", "master-0");
  master_.acknowledges = true;
  Advance(seconds(15));
  EXPECT_THAT(master_.subscriptions, SizeIs(2));
  EXPECT_THAT(master_.States("t"),
              ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
}

// The agent's calls do not arrive, but events of its master do: the batch that gets stuck breaks
// the link.
TEST_F(AgentNodeTest, ALinkThatTakesNothingIsLeft) {
  Start();
  network_.Block("agent-0", "master-0");
  Run("t", "run=1s");
  Advance(minutes(2));
  EXPECT_FALSE(node_.Snapshot()->registered);
  network_.Unblock("agent-0", "master-0");
  Advance(minutes(2));
  EXPECT_TRUE(node_.Snapshot()->registered);
  EXPECT_EQ(master_.States("t").back(), v1::TASK_FINISHED);
}

TEST_F(AgentNodeTest, GoesOnAfterAPause) {
  Start();
  Run("t", "run=10s");
  Advance(seconds(1));
  node_.process()->Pause();
  Advance(seconds(30));
  EXPECT_THAT(observer_.programs, ElementsAre("t starts with cpus:1", "t ends"));
  EXPECT_EQ(master_.States("t").back(), v1::TASK_RUNNING);
  node_.process()->Resume();
  Advance(seconds(1));
  EXPECT_EQ(master_.States("t").back(), v1::TASK_FINISHED);
}

TEST_F(AgentNodeTest, RunsATaskGroup) {
  Start();
  link::Event event;
  event.set_type(link::Event::RUN_TASK_GROUP);
  auto* run = event.mutable_run_task_group();
  *run->mutable_framework_info() = framework_;
  run->mutable_executor()->mutable_executor_id()->set_value("g");
  run->mutable_executor()->set_type(v1::ExecutorInfo::DEFAULT);
  run->set_launch_executor(true);
  for (const std::string id : {"a", "b"}) {
    v1::TaskInfo task = MakeTask(id);
    task.mutable_command()->set_value(id == "a" ? "task=a run=5s exit=1" : "task=b run=inf");
    *run->mutable_task_group()->add_tasks() = task;
  }
  master_.Send(event);
  Advance(seconds(4));
  EXPECT_THAT(node_.RunningTasks(), UnorderedElementsAre("a", "b"));
  Advance(seconds(4));
  EXPECT_EQ(master_.States("a").back(), v1::TASK_FAILED);
  EXPECT_EQ(master_.States("b").back(), v1::TASK_KILLED);
}

// A seed gives the same run in another process with another layout of memory, since nothing depends
// on addresses. This tests two worlds in one process.
TEST(AgentNodeTraceTest, ASeedIsARun) {
  class Scene : public AgentNodeTest {
   public:
    explicit Scene(uint64_t seed) : AgentNodeTest(seed) {}
    void TestBody() override {
      Start();
      for (int i = 0; i < 20; ++i) Run(fmt::format("t{}", i), "run=3s");
      for (int i = 0; i < 5; ++i) RunInExecutor(fmt::format("x{}", i), "run=3s", i == 0);
      Advance(minutes(2));
    }
    const std::string& trace() { return world_.trace().text(); }
  };
  Scene one(1);
  Scene same(1);
  Scene other(2);
  one.TestBody();
  same.TestBody();
  other.TestBody();
  EXPECT_EQ(one.trace(), same.trace());
  EXPECT_NE(one.trace(), other.trace());
}

}  // namespace
}  // namespace tepui::sim
