// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/executor_process.h"

#include "sim/nodes/agent_node_fixture.h"

namespace tepui::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Executors against a real agent core.
class ExecutorProcessTest : public AgentNodeTest {
 protected:
  // The wait status of each executor that ended.
  std::vector<int> Exits() const {
    std::vector<int> exits;
    for (const link::Call& call : master_.calls) {
      if (call.type() == link::Call::EXECUTOR_EXITED) {
        exits.push_back(call.executor_exited().status());
      }
    }
    return exits;
  }
};

TEST_F(ExecutorProcessTest, RunsItsTasksAndEndsWhenItHasNoMore) {
  Start();
  RunInExecutor("a", "run=30s", true);
  RunInExecutor("b", "run=30s exit=1", false);
  Advance(seconds(10));
  EXPECT_THAT(node_.RunningTasks(), ElementsAre("a", "b"));
  ASSERT_THAT(observer_.programs, SizeIs(3));
  EXPECT_THAT(observer_.programs.front(), testing::StartsWith("executor e starts"));
  EXPECT_THAT(observer_.programs, Contains("a starts in its executor"));
  EXPECT_THAT(observer_.programs, Contains("b starts in its executor"));
  Advance(seconds(25));
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
  EXPECT_THAT(master_.States("a"),
              ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
  EXPECT_EQ(master_.States("b").back(), v1::TASK_FAILED);
  for (const v1::TaskStatus& status : master_.statuses) {
    EXPECT_EQ(status.source(), v1::TaskStatus::SOURCE_EXECUTOR);
    EXPECT_EQ(status.executor_id().value(), "e");
  }
  EXPECT_THAT(Exits(), IsEmpty());
  Advance(ExecutorProcess::kIdleTime);
  EXPECT_THAT(Exits(), ElementsAre(0));
  EXPECT_EQ(observer_.programs.back(), "executor e ends");
}

TEST_F(ExecutorProcessTest, ANewTaskKeepsItAlive) {
  Start();
  RunInExecutor("a", "run=1s", true);
  Advance(seconds(15));
  RunInExecutor("b", "run=1m", false);
  Advance(seconds(40));
  EXPECT_THAT(node_.RunningTasks(), ElementsAre("b"));
  EXPECT_THAT(Exits(), IsEmpty());
}

TEST_F(ExecutorProcessTest, KillsByTheKillPolicy) {
  Start();
  RunInExecutor("polite", "run=inf", true);
  RunInExecutor("stubborn", "run=inf term=ignore", false);
  RunInExecutor("hangs", "start=hang", false);
  Advance(seconds(5));
  EXPECT_THAT(node_.RunningTasks(), ElementsAre("polite", "stubborn"));
  for (const std::string task : {"polite", "stubborn", "hangs"}) Kill(task);
  Advance(seconds(1));
  EXPECT_THAT(node_.RunningTasks(), ElementsAre("stubborn"));
  Advance(seconds(3));
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
  for (const std::string task : {"polite", "stubborn", "hangs"}) {
    EXPECT_EQ(master_.States(task).back(), v1::TASK_KILLED) << task;
  }
}

TEST_F(ExecutorProcessTest, TasksThatCannotStartFail) {
  Start();
  RunInExecutor("a", "start=fail", true);
  RunInExecutor("b", "colour=red", false);
  Advance(seconds(5));
  EXPECT_THAT(master_.States("a"), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(master_.States("b"), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(master_.statuses.back().message(), testing::HasSubstr("'colour=red'"));
}

TEST_F(ExecutorProcessTest, EndsItsTasksWhenToldToShutDown) {
  Start();
  RunInExecutor("a", "run=inf", true);
  Advance(seconds(5));
  ShutdownExecutor();
  Advance(seconds(4));
  EXPECT_EQ(master_.States("a").back(), v1::TASK_KILLED);
  EXPECT_THAT(Exits(), ElementsAre(0));
}

TEST_F(ExecutorProcessTest, IsKilledIfItIgnoresShutdown) {
  Start();
  RunInExecutor("a", "run=inf", true, "executor=e term=ignore");
  Advance(seconds(5));
  ShutdownExecutor();
  Advance(seconds(4));
  EXPECT_THAT(node_.RunningTasks(), ElementsAre("a"));
  Advance(seconds(4));
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
  EXPECT_EQ(master_.States("a").back(), v1::TASK_FAILED);
  EXPECT_THAT(Exits(), ElementsAre(9));
}

TEST_F(ExecutorProcessTest, TheLimitOfMemoryTakesAllOfIt) {
  Start();
  RunInExecutor("a", "run=10s end=oom", true);
  RunInExecutor("b", "run=inf", false);
  Advance(seconds(20));
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
  EXPECT_THAT(Exits(), ElementsAre(9));
  EXPECT_EQ(master_.States("b").back(), v1::TASK_FAILED);
  EXPECT_EQ(master_.statuses.back().reason(), v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY);
  EXPECT_THAT(observer_.programs, Contains("b ends in its executor"));
}

TEST_F(ExecutorProcessTest, EndsByItsOwnScript) {
  Start();
  RunInExecutor("a", "run=inf", true, "executor=e run=10s exit=7");
  Advance(seconds(15));
  EXPECT_THAT(Exits(), ElementsAre(7 << 8));
  EXPECT_EQ(master_.States("a").back(), v1::TASK_FAILED);
}

TEST_F(ExecutorProcessTest, AnswersItsScheduler) {
  Start();
  RunInExecutor("a", "run=inf", true);
  Advance(seconds(5));
  link::Event event;
  event.set_type(link::Event::FRAMEWORK_MESSAGE);
  *event.mutable_framework_message()->mutable_framework_id() = framework_.id();
  event.mutable_framework_message()->mutable_executor_id()->set_value("e");
  event.mutable_framework_message()->set_data("how is it going?");
  master_.Send(event);
  Advance(seconds(1));
  ASSERT_EQ(master_.calls.back().type(), link::Call::EXECUTOR_MESSAGE);
  EXPECT_EQ(master_.calls.back().executor_message().data(), "how is it going?");
}

// Reference 1.3: only an executor that checkpoints waits for its agent to come back.
TEST_F(ExecutorProcessTest, ReconnectsIfItCheckpoints) {
  framework_.set_checkpoint(true);
  Start();
  RunInExecutor("a", "run=30s", true);
  Advance(seconds(10));
  for (int i = 0; i < 100; ++i) {
    network_.Reset("agent-0", "agent-0");
    Advance(milliseconds(310));
  }
  Advance(seconds(10));
  EXPECT_THAT(master_.States("a"),
              ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED));
  Advance(ExecutorProcess::kIdleTime);
  EXPECT_THAT(Exits(), ElementsAre(0)) << "everything was acknowledged";
}

TEST_F(ExecutorProcessTest, EndsWithItsConnectionIfItDoesNotCheckpoint) {
  Start();
  RunInExecutor("a", "run=inf", true);
  Advance(seconds(10));
  network_.Reset("agent-0", "agent-0");
  Advance(seconds(10));
  EXPECT_THAT(Exits(), SizeIs(1));
  EXPECT_EQ(master_.States("a").back(), v1::TASK_FAILED);
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
}

// It is a process of its own, which continues while the agent's process is paused.
TEST_F(ExecutorProcessTest, GoesOnWhileTheAgentIsPaused) {
  framework_.set_checkpoint(true);
  Start();
  RunInExecutor("a", "run=30s", true);
  Advance(seconds(10));
  node_.process()->Pause();
  Advance(seconds(40));
  EXPECT_THAT(node_.RunningTasks(), IsEmpty());
  EXPECT_THAT(observer_.programs, Contains("a ends in its executor"));
  EXPECT_EQ(master_.States("a").back(), v1::TASK_RUNNING);
  node_.process()->Resume();
  Advance(minutes(2));
  EXPECT_EQ(master_.States("a").back(), v1::TASK_FINISHED);
}

TEST(ExecutorProcessEnvironmentTest, CannotRunWithoutItsEnvironment) {
  World world(7, /*keep_trace=*/false);
  Network network(world, {});
  RecordingObserver observer;
  std::vector<int> exits;
  const auto script = ContainerScript::Parse("executor=e");
  ASSERT_TRUE(script);
  ExecutorProcess process({world, network, observer}, "agent-0", *script, {}, SeededRandom(1),
                          [&](ExecutorProcess::Exit exit) { exits.push_back(exit.code); });
  EXPECT_THAT(exits, IsEmpty()) << "not from inside its constructor";
  world.clock().Advance(minutes(1));
  EXPECT_THAT(exits, ElementsAre(1));
}

}  // namespace
}  // namespace tepui::sim
