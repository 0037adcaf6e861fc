// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <csignal>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Task groups of the default executor (reference 2.5).
class TaskGroupTest : public AgentTest {
 protected:
  v1::ExecutorInfo Default() const { return ExecutorOf("g", v1::ExecutorInfo::DEFAULT); }
  void RunTwo() {
    Register();
    RunGroup(Default(), {Task("a"), Task("b")});
    ASSERT_EQ(containerizer.order.size(), 2u);
  }
  void StartTwo() {
    RunTwo();
    containerizer.Start(containerizer.order[0], 1);
    containerizer.Start(containerizer.order[1], 2);
    Drain();
  }
  FakeContainerizer::Container& A() { return containerizer.containers[containerizer.order[0]]; }
  FakeContainerizer::Container& B() { return containerizer.containers[containerizer.order[1]]; }
  void EndA(int status) { containerizer.End(containerizer.order[0], status); }
  void EndB(int status) { containerizer.End(containerizer.order[1], status); }
};

TEST_F(TaskGroupTest, EachTaskRunsInANestedContainer) {
  RunTwo();
  const std::string a = containerizer.order[0].value();
  const std::string parent = a.substr(0, a.find('.'));
  EXPECT_EQ(containerizer.order[1].value().substr(0, parent.size() + 1), parent + ".");
  const std::string sandbox = "/w/slaves/M-S0/frameworks/F1/executors/g/runs/" + parent;
  EXPECT_EQ(A().spec.sandbox, sandbox + "/containers/" + a.substr(parent.size() + 1));
  EXPECT_EQ(disk.links[sandbox + "/tasks/a"], A().spec.sandbox);
  EXPECT_EQ(disk.links["/w/slaves/M-S0/frameworks/F1/executors/g/runs/latest"], sandbox);
  // The users of the tasks pass through the executor's sandbox, and none of them owns it.
  EXPECT_THAT(disk.passable, ElementsAre(sandbox));
  EXPECT_EQ(disk.directories[sandbox], "");
  EXPECT_EQ(A().spec.user, "alice");
  EXPECT_EQ(A().spec.resources.Scalar(ResourceNames::Mem()).milli(), 64'000);
}

TEST_F(TaskGroupTest, RunsToItsEnd) {
  RunTwo();
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING, v1::TASK_STARTING));
  containerizer.Start(containerizer.order[0], 1);
  auto statuses = Drain();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_RUNNING));
  EXPECT_EQ(statuses[0].task_id().value(), "a");
  EXPECT_EQ(statuses[0].executor_id().value(), "g");
  EXPECT_EQ(statuses[0].source(), v1::TaskStatus::SOURCE_EXECUTOR);
  EXPECT_TRUE(statuses[0].container_status().container_id().has_parent());
  containerizer.Start(containerizer.order[1], 2);
  EndA(Exited(0));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_RUNNING, v1::TASK_FINISHED));
  EXPECT_TRUE(B().signals.empty()) << "a success ends nobody else";
  EXPECT_TRUE(links.Of(link::Call::EXECUTOR_EXITED).empty());
  EndB(Exited(0));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_FINISHED));
  const auto exited = links.Of(link::Call::EXECUTOR_EXITED);
  ASSERT_EQ(exited.size(), 1u);
  EXPECT_EQ(exited[0].executor_exited().executor_id().value(), "g");
  EXPECT_EQ(exited[0].executor_exited().status(), 0);
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
}

TEST_F(TaskGroupTest, AFailureKillsTheGroup) {
  StartTwo();
  EndA(Exited(1));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(B().signals, ElementsAre(SIGTERM));
  clock.Advance(seconds(3));
  EXPECT_TRUE(B().destroyed);
  EndB(Killed(SIGKILL));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_KILLED));
}

TEST_F(TaskGroupTest, AKillKillsTheGroup) {
  StartTwo();
  Kill("a");
  EXPECT_THAT(A().signals, ElementsAre(SIGTERM));
  EXPECT_TRUE(B().signals.empty()) << "follows when a has ended";
  EndA(Killed(SIGTERM));
  EXPECT_THAT(B().signals, ElementsAre(SIGTERM));
  EndB(Killed(SIGTERM));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_KILLED, v1::TASK_KILLED));
  EXPECT_TRUE(A().destroyed == false && B().destroyed == false);
}

TEST_F(TaskGroupTest, ATaskThatCannotStartKillsTheGroup) {
  RunTwo();
  Drain();
  containerizer.Start(containerizer.order[0], 1);
  containerizer.FailLaunch({Code::kNotFound, "no such program"});
  auto statuses = Drain();
  ASSERT_EQ(States(statuses, "b"), std::vector{v1::TASK_FAILED});
  EXPECT_THAT(statuses.back().message(), HasSubstr("no such program"));
  EXPECT_THAT(A().signals, ElementsAre(SIGTERM));
}

TEST_F(TaskGroupTest, ATaskThatCannotBePreparedKeepsTheRestFromStarting) {
  Register();
  v1::TaskInfo bad = Task("a");
  auto* variable = bad.mutable_command()->mutable_environment()->add_variables();
  variable->set_name("KEY");
  variable->set_type(v1::Environment::Variable::SECRET);
  variable->mutable_secret()->mutable_reference()->set_name("k");
  RunGroup(Default(), {bad, Task("b")});
  EXPECT_TRUE(containerizer.order.empty());
  const auto statuses = Drain();
  EXPECT_EQ(States(statuses, "a"), std::vector{v1::TASK_FAILED});
  EXPECT_EQ(States(statuses, "b"), std::vector{v1::TASK_KILLED});
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
  EXPECT_EQ(links.Of(link::Call::EXECUTOR_EXITED).size(), 1u);
}

// The rest of the group is killed when one of its tasks has ended.
TEST_F(TaskGroupTest, IsKilledWhileItStarts) {
  RunTwo();
  Kill("a");
  EXPECT_TRUE(A().destroyed);
  const auto before = Drain();
  EXPECT_EQ(States(before, "a"), std::vector{v1::TASK_STARTING});
  EXPECT_EQ(States(before, "b"), std::vector{v1::TASK_STARTING});
  containerizer.Start(containerizer.order[0]);
  EndA(Killed(SIGKILL));
  EXPECT_TRUE(B().destroyed);
  EXPECT_EQ(States(Drain(), "a"), std::vector{v1::TASK_KILLED});
  containerizer.FailLaunch({Code::kUnavailable, "aborted"});
  EXPECT_EQ(States(Drain(), "b"), std::vector{v1::TASK_KILLED});
  EXPECT_TRUE(agent->Snapshot()->frameworks.empty());
}

TEST_F(TaskGroupTest, MoreGroupsUseTheSameExecutor) {
  StartTwo();
  RunGroup(Default(), {Task("c")}, false);
  containerizer.Start();
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_STARTING, v1::TASK_RUNNING));
  EndA(Exited(1));
  EndB(Killed(SIGTERM));
  EXPECT_TRUE(containerizer.Last().signals.empty()) << "another group";
  EXPECT_TRUE(links.Of(link::Call::EXECUTOR_EXITED).empty());
  containerizer.End(Exited(0));
  EXPECT_EQ(links.Of(link::Call::EXECUTOR_EXITED).size(), 1u);
}

TEST_F(TaskGroupTest, ShutdownOfTheExecutorKillsAll) {
  StartTwo();
  ShutdownExecutor("g");
  EXPECT_THAT(A().signals, ElementsAre(SIGTERM));
  EXPECT_THAT(B().signals, ElementsAre(SIGTERM));
  EndA(Killed(SIGTERM));
  EndB(Killed(SIGTERM));
  EXPECT_THAT(States(Drain()), ElementsAre(v1::TASK_KILLED, v1::TASK_KILLED));
  EXPECT_EQ(links.Of(link::Call::EXECUTOR_EXITED).size(), 1u);
}

TEST_F(TaskGroupTest, ForAnExecutorThatHasEndedIsDropped) {
  StartTwo();
  EndA(Exited(0));
  EndB(Exited(0));  // Its statuses are not acknowledged, so the agent still has the executor.
  RunGroup(Default(), {Task("c")}, false);
  std::vector<v1::TaskStatus> statuses = Drain();
  ASSERT_EQ(States(statuses, "c"), std::vector{v1::TASK_LOST});
}

}  // namespace
}  // namespace tepui::agent
