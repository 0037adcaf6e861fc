// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/task_invariants.h"

#include "sim/invariants/invariants_testing.h"

namespace tepui::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct TaskInvariantsTest : ::testing::Test {
  TaskInvariantsTest() { Launch("t"); }

  void Launch(const std::string& task) {
    tasks.OnSchedulerCall(AcceptOf("f", {"o"}, {TaskOn("m-S0", task)}));
  }
  void AgentSends(const std::string& task, v1::TaskState state, const std::string& uuid) {
    tasks.OnAgentSends("agent-0", SentOf("f", StatusOf(task, state, uuid)));
  }
  void SchedulerSees(v1::TaskStatus status) { tasks.OnSchedulerEvent(UpdateOf(std::move(status))); }

  World world{1, false};
  Findings findings{world};
  TaskInvariants tasks{findings};
};

TEST_F(TaskInvariantsTest, AWholeLifeIsRight) {
  tasks.OnProgramStarted("agent-0", "t");
  int uuid = 0;
  for (const v1::TaskState state : {v1::TASK_STARTING, v1::TASK_RUNNING, v1::TASK_FINISHED}) {
    if (state == v1::TASK_FINISHED) tasks.OnProgramEnded("agent-0", "t");
    const std::string id = std::to_string(++uuid);
    // A status is sent until its acknowledgement arrives, and is seen as often.
    for (int retry = 0; retry < 2; ++retry) {
      AgentSends("t", state, id);
      tasks.OnMasterSends(UpdateOf(StatusOf("t", state, id)));
      SchedulerSees(StatusOf("t", state, id));
    }
    tasks.OnAgentEvent("agent-0", AcknowledgementOf("t", id));
  }
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  EXPECT_THAT(tasks.Unacknowledged(), IsEmpty());
}

// --- runs-once.

TEST_F(TaskInvariantsTest, AProgramStartsOnce) {
  tasks.OnProgramStarted("agent-0", "t");
  tasks.OnProgramEnded("agent-0", "t");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  tasks.OnProgramStarted("agent-1", "t");
  EXPECT_THAT(NamesOf(findings), ElementsAre("runs-once"));
}

TEST_F(TaskInvariantsTest, OnlyLaunchedTasksRun) {
  tasks.OnProgramStarted("agent-0", "u");
  EXPECT_THAT(NamesOf(findings), ElementsAre("runs-once"));
}

TEST_F(TaskInvariantsTest, WhatAFrameworkLaunchesTwiceMayRunTwice) {
  Launch("t");
  tasks.OnProgramStarted("agent-0", "t");
  tasks.OnProgramStarted("agent-0", "t");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  tasks.OnProgramStarted("agent-0", "t");
  EXPECT_THAT(NamesOf(findings), ElementsAre("runs-once"));
}

// --- dead-stays-dead.

TEST_F(TaskInvariantsTest, RunningTasksAreNotReportedAsEnded) {
  tasks.OnProgramStarted("agent-0", "t");
  tasks.OnMasterSends(UpdateOf(StatusOf("t", v1::TASK_UNREACHABLE)));
  tasks.OnMasterSends(UpdateOf(StatusOf("t", v1::TASK_RUNNING)));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  tasks.OnMasterSends(UpdateOf(StatusOf("t", v1::TASK_GONE)));
  EXPECT_THAT(NamesOf(findings), ElementsAre("dead-stays-dead"));
}

TEST_F(TaskInvariantsTest, TheMasterIsNotNotifiedTooEarly) {
  tasks.OnProgramStarted("agent-0", "t");
  AgentSends("t", v1::TASK_KILLED, "1");
  EXPECT_THAT(NamesOf(findings), ElementsAre("dead-stays-dead"));
}

TEST_F(TaskInvariantsTest, TasksReportedAsEndedDoNotStart) {
  tasks.OnMasterSends(UpdateOf(StatusOf("t", v1::TASK_DROPPED)));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  tasks.OnProgramStarted("agent-0", "t");
  EXPECT_THAT(NamesOf(findings), ElementsAre("dead-stays-dead"));
}

// TASK_LOST for a lost agent stands for UNREACHABLE, and in reconciliation for UNKNOWN.
TEST_F(TaskInvariantsTest, LostIsAPromiseOnlyOfTheAgent) {
  tasks.OnProgramStarted("agent-0", "t");
  for (const auto reason :
       {v1::TaskStatus::REASON_AGENT_REMOVED, v1::TaskStatus::REASON_RECONCILIATION}) {
    tasks.OnMasterSends(UpdateOf(Because(StatusOf("t", v1::TASK_LOST), reason)));
    SchedulerSees(Because(StatusOf("t", v1::TASK_LOST), reason));
  }
  SchedulerSees(StatusOf("t", v1::TASK_RUNNING));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  tasks.OnMasterSends(
      UpdateOf(Because(StatusOf("t", v1::TASK_LOST), v1::TaskStatus::REASON_INVALID_OFFERS)));
  AgentSends("t", v1::TASK_LOST, "1");
  EXPECT_THAT(NamesOf(findings), ElementsAre("dead-stays-dead", "dead-stays-dead"));
}

// --- status-order.

TEST_F(TaskInvariantsTest, StatusesAreSeenInTheirOrder) {
  AgentSends("t", v1::TASK_STARTING, "1");
  SchedulerSees(StatusOf("t", v1::TASK_STARTING, "1"));
  tasks.OnAgentEvent("agent-0", AcknowledgementOf("t", "1"));
  AgentSends("t", v1::TASK_RUNNING, "2");
  SchedulerSees(StatusOf("t", v1::TASK_RUNNING, "2"));
  SchedulerSees(StatusOf("t", v1::TASK_RUNNING, "2"));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  SchedulerSees(StatusOf("t", v1::TASK_STARTING, "1"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("status-order"));
}

TEST_F(TaskInvariantsTest, NoStatusComesFromNowhere) {
  SchedulerSees(StatusOf("t", v1::TASK_RUNNING, "1"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("status-order"));
}

TEST_F(TaskInvariantsTest, NoStatusComesAfterTheLast) {
  AgentSends("t", v1::TASK_FINISHED, "1");
  SchedulerSees(StatusOf("t", v1::TASK_FINISHED, "1"));
  SchedulerSees(StatusOf("t", v1::TASK_FINISHED));  // Reconciliation sends the same state.
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  SchedulerSees(StatusOf("t", v1::TASK_RUNNING));
  SchedulerSees(StatusOf("t", v1::TASK_GONE));
  EXPECT_THAT(NamesOf(findings), ElementsAre("status-order", "status-order"));
}

// The master remembers tasks that have ended only for a while, and a reconciliation may cross the
// terminal status.
TEST_F(TaskInvariantsTest, ReconcilingAnEndedTaskMayAnswerUnknown) {
  const auto answer = [](v1::TaskState state) {
    return Because(StatusOf("t", state), v1::TaskStatus::REASON_RECONCILIATION);
  };
  SchedulerSees(StatusOf("t", v1::TASK_DROPPED));
  for (const v1::TaskState state : {v1::TASK_UNKNOWN, v1::TASK_GONE, v1::TASK_UNREACHABLE})
    SchedulerSees(answer(state));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  SchedulerSees(answer(v1::TASK_RUNNING));
  SchedulerSees(StatusOf("t", v1::TASK_GONE));
  EXPECT_THAT(NamesOf(findings), ElementsAre("status-order", "status-order"));
}

// --- acknowledged-once.

TEST_F(TaskInvariantsTest, WhatWasAcknowledgedIsNotSentAgain) {
  AgentSends("t", v1::TASK_STARTING, "1");
  tasks.OnAgentEvent("agent-0", AcknowledgementOf("t", "0"));  // Matches no status.
  AgentSends("t", v1::TASK_STARTING, "1");
  tasks.OnAgentEvent("agent-0", AcknowledgementOf("t", "1"));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  AgentSends("t", v1::TASK_STARTING, "1");
  EXPECT_THAT(NamesOf(findings), ElementsAre("acknowledged-once"));
}

TEST_F(TaskInvariantsTest, TheNextStatusWaitsForTheAcknowledgement) {
  AgentSends("t", v1::TASK_STARTING, "1");
  AgentSends("t", v1::TASK_RUNNING, "2");
  EXPECT_THAT(NamesOf(findings), ElementsAre("acknowledged-once"));
}

TEST_F(TaskInvariantsTest, AnAgentThatEndedOrForgotTheFrameworkOwesNothing) {
  Launch("u");
  AgentSends("t", v1::TASK_STARTING, "1");
  AgentSends("u", v1::TASK_STARTING, "2");
  EXPECT_THAT(tasks.Unacknowledged(), SizeIs(2));

  link::Event shutdown;
  shutdown.set_type(link::Event::SHUTDOWN_FRAMEWORK);
  shutdown.mutable_shutdown_framework()->set_value("g");
  tasks.OnAgentEvent("agent-0", shutdown);
  EXPECT_THAT(tasks.Unacknowledged(), SizeIs(2));
  shutdown.mutable_shutdown_framework()->set_value("f");
  tasks.OnAgentEvent("agent-0", shutdown);
  EXPECT_THAT(tasks.Unacknowledged(), IsEmpty());
  AgentSends("t", v1::TASK_DROPPED, "3");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  EXPECT_THAT(tasks.Unacknowledged(), SizeIs(1));

  tasks.OnEnded("agent-1");
  EXPECT_THAT(tasks.Unacknowledged(), SizeIs(1));
  tasks.OnEnded("agent-0");
  EXPECT_THAT(tasks.Unacknowledged(), IsEmpty());
  EXPECT_THAT(NamesOf(findings), IsEmpty());
}

// --- What the checks at rest use.

TEST_F(TaskInvariantsTest, RemembersTheLastStatus) {
  EXPECT_FALSE(tasks.LastWord("t"));
  SchedulerSees(Because(StatusOf("t", v1::TASK_RUNNING), v1::TaskStatus::REASON_RECONCILIATION));
  ASSERT_TRUE(tasks.LastWord("t"));
  EXPECT_TRUE(tasks.LastWord("t")->answer);
  EXPECT_EQ(tasks.LastWord("t")->state, v1::TASK_RUNNING);
  SchedulerSees(StatusOf("t", v1::TASK_UNREACHABLE));
  EXPECT_FALSE(tasks.LastWord("t")->answer);
  EXPECT_EQ(tasks.AgentOf("t"), "m-S0");
  EXPECT_EQ(tasks.AgentOf("u"), "");
}

}  // namespace
}  // namespace tepui::sim
