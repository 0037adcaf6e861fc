// SPDX-License-Identifier: Apache-2.0
// The task of a container that survives SIGKILL has not ended.

#include <gmock/gmock.h>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SurvivorsTest : public CheckpointedTest {
 protected:
  SurvivorsTest() { AddCapability(v1::FrameworkInfo::Capability::TASK_KILLING_STATE); }

  // Kills the agent after the last program has started and before the agent knows. The containers
  // that were launched before it never start.
  void DieWhileLaunching() {
    clock.Settle();
    Drain();
    clock.Settle();
    containerizer.Last().launched = nullptr;
    RestartAndRegister();
  }
};

TEST_F(SurvivorsTest, ATaskWhoseLaunchWasInterruptedEndsWhenItsContainerIsGone) {
  Register();
  Run(Task("t1"));
  Kill("t1");
  DieWhileLaunching();
  ASSERT_EQ(links.subscriptions.back().tasks_size(), 1) << "what it uses is not free";
  EXPECT_TRUE(containerizer.Last().destroyed);
  Kill("t1");
  Pass(minutes(10));
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(agent->Snapshot()->frameworks.size(), 1u);

  ASSERT_TRUE(containerizer.Last().terminated) << "it is not waited for";
  containerizer.End(Killed(9));
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_KILLED));
  EXPECT_EQ(statuses[0].message(), "Command terminated with signal Killed");
  EXPECT_THAT(agent->Snapshot()->frameworks, IsEmpty());
  EXPECT_TRUE(containerizer.forgotten.contains(containerizer.order.back()));
}

TEST_F(SurvivorsTest, AGroupEndsWhenTheLastContainerIsGone) {
  Register();
  RunGroup(ExecutorOf("e1", v1::ExecutorInfo::DEFAULT), {Task("t1"), Task("t2")});
  DieWhileLaunching();
  const auto statuses = Take();
  EXPECT_THAT(States(statuses, "t1"), ElementsAre(v1::TASK_FAILED));
  EXPECT_THAT(States(statuses, "t2"), ElementsAre(v1::TASK_RUNNING, v1::TASK_KILLING));
  EXPECT_EQ(agent->Snapshot()->frameworks.size(), 1u);
  ASSERT_TRUE(containerizer.Last().terminated) << "it is not waited for";
  containerizer.End(Killed(9));
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_KILLED));
  EXPECT_THAT(agent->Snapshot()->frameworks, IsEmpty());
}

TEST_F(SurvivorsTest, ACustomExecutorsTasksEndWithItsContainer) {
  Register();
  Run(CustomTask("t1"));
  DieWhileLaunching();
  EXPECT_THAT(Take(), IsEmpty());
  ASSERT_EQ(links.subscriptions.back().executors_size(), 1);
  Pass(minutes(10));
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_TRUE(containerizer.Last().destroyed) << "it has not registered";
  ASSERT_TRUE(containerizer.Last().terminated) << "it is not waited for";
  containerizer.End(Killed(9));
  const auto statuses = Take();
  ASSERT_THAT(States(statuses), ElementsAre(v1::TASK_FAILED));
  EXPECT_EQ(statuses[0].reason(), v1::TaskStatus::REASON_EXECUTOR_REGISTRATION_TIMEOUT);
  EXPECT_THAT(agent->Snapshot()->frameworks, IsEmpty());
}

// However often a task is killed, it has not ended before the containerizer reports its end.
TEST_F(SurvivorsTest, AKilledTaskEndsWhenItsContainerIsGone) {
  Register();
  Run(Task("t1"));
  containerizer.Start();
  Take();
  Kill("t1", seconds(1));
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_KILLING));
  Pass(minutes(1));
  EXPECT_TRUE(containerizer.Last().destroyed);
  Kill("t1", seconds(0));
  Pass(minutes(30));
  EXPECT_THAT(Take(), IsEmpty());
  ASSERT_TRUE(containerizer.Last().terminated) << "it is not waited for";
  containerizer.End(Killed(9));
  EXPECT_THAT(States(Take()), ElementsAre(v1::TASK_KILLED));
}

}  // namespace
}  // namespace tepui::agent
