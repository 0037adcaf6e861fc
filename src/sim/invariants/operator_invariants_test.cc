// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/operator_invariants.h"

#include "sim/invariants/invariants_testing.h"

namespace tepui::sim {
namespace {

using Call = mesos::v1::master::Call;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Call MarkGoneOf(const std::string& agent) {
  Call call;
  call.set_type(Call::MARK_AGENT_GONE);
  call.mutable_mark_agent_gone()->mutable_agent_id()->set_value(agent);
  return call;
}

Call TeardownOf(const std::string& framework) {
  Call call;
  call.set_type(Call::TEARDOWN);
  call.mutable_teardown()->mutable_framework_id()->set_value(framework);
  return call;
}

v1::TaskStatus EndOf(v1::TaskState state) {
  v1::TaskStatus status = StatusOf("t", state);
  status.mutable_agent_id()->set_value("m-S0");
  return status;
}

// master-0 leads; framework "f" is connected and runs task "t" on agent "m-S0".
struct OperatorInvariantsTest : ::testing::Test {
  OperatorInvariantsTest() {
    operators.OnLeading("master-0");
    operators.OnCommitted("admit", "m-S0");
    ShowFramework();
    ShowTask(master::TaskPhase::kActive, v1::TASK_RUNNING);
    Send(StatusOf("t", v1::TASK_RUNNING, "1"));
  }

  void ShowFramework(bool partition_aware = true, bool connected = true, bool completed = false) {
    auto record = std::make_shared<master::FrameworkRecord>();
    record->connected = connected;
    record->completed = completed;
    if (partition_aware)
      record->info.add_capabilities()->set_type(v1::FrameworkInfo::Capability::PARTITION_AWARE);
    master::Changes changes;
    changes.frameworks.emplace_back(FrameworkId("f"), record);
    operators.OnPublished(leader, changes);
  }
  void ShowTask(master::TaskPhase phase, v1::TaskState state) {
    auto task = std::make_shared<v1::Task>();
    task->set_state(state);
    task->mutable_agent_id()->set_value("m-S0");
    master::Changes changes;
    changes.tasks.push_back({FrameworkId("f"), TaskId("t"), {phase, task}});
    operators.OnPublished(leader, changes);
  }
  void Send(const v1::TaskStatus& status) {
    operators.OnMasterSends(leader, "f", UpdateOf(status));
  }
  // The leader answers, then publishes what it has changed before.
  void Answer(const Call& call, unsigned status) {
    operators.OnOperatorAnswer(leader, call, status);
    operators.OnPublished(leader, {});
  }
  // The operator asks, the registry agrees, and the framework hears it.
  void MarkGone(v1::TaskState told = v1::TASK_GONE_BY_OPERATOR) {
    operators.OnOperatorCall(MarkGoneOf("m-S0"));
    operators.OnCommitted("gone", "m-S0");
    Send(EndOf(told));
    Answer(MarkGoneOf("m-S0"), 200);
  }
  void Remove() {
    operators.OnCommitted("remove framework", "f");
    Answer(TeardownOf("f"), 200);
  }
  void LeadNext() {
    leader = "master-1";
    operators.OnLeading(leader);
  }

  World world{1, false};
  Findings findings{world};
  OperatorInvariants operators{findings};
  std::string leader = "master-0";
};

// --- answers-hold.

TEST_F(OperatorInvariantsTest, WhatIsDoneMayBeAnswered) {
  MarkGone();
  Answer(MarkGoneOf("m-S0"), 200);
  Remove();
  Answer(MarkGoneOf("nobody"), 404);
  Answer(TeardownOf("f"), 400);
  Answer(MarkGoneOf("m-S1"), 503);
  EXPECT_THAT(NamesOf(findings), ElementsAre("answers-hold")) << "f is still shown to readers";
}

TEST_F(OperatorInvariantsTest, TheRegistryHasWhatIsAnswered) {
  operators.OnOperatorCall(MarkGoneOf("m-S0"));
  Answer(MarkGoneOf("m-S0"), 200);
  EXPECT_THAT(NamesOf(findings), ElementsAre("answers-hold"));
  Answer(TeardownOf("f"), 200);
  EXPECT_THAT(NamesOf(findings), ElementsAre("answers-hold", "answers-hold"));
}

TEST_F(OperatorInvariantsTest, OnlyUnknownAgentsAndFrameworksAreRefused) {
  Answer(MarkGoneOf("m-S0"), 404);
  EXPECT_THAT(NamesOf(findings), ElementsAre("answers-hold"));
  Answer(TeardownOf("f"), 400);
  EXPECT_THAT(NamesOf(findings), ElementsAre("answers-hold", "answers-hold"));
}

// A master that was deposed could answer so; the next leader would do what is asked.
TEST_F(OperatorInvariantsTest, NothingElseIsRefused) {
  operators.OnOperatorAnswer("master-1", MarkGoneOf("m-S0"), 403);
  operators.OnOperatorAnswer("master-1", TeardownOf("f"), 404);
  operators.OnOperatorAnswer("master-1", TeardownOf("f"), 503);
  EXPECT_THAT(NamesOf(findings), ElementsAre("answers-hold", "answers-hold"));
}

TEST_F(OperatorInvariantsTest, ADeposedMasterMayNotKnowIt) {
  LeadNext();
  operators.OnOperatorAnswer("master-0", MarkGoneOf("m-S0"), 404);
  operators.OnOperatorAnswer("master-0", TeardownOf("f"), 400);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
}

TEST_F(OperatorInvariantsTest, NoAgentIsGoneUnlessAnOperatorAsks) {
  operators.OnOperatorCall(MarkGoneOf("m-S0"));
  Answer(MarkGoneOf("m-S0"), 404);  // A finding of its own.
  operators.OnCommitted("gone", "m-S0");
  EXPECT_THAT(NamesOf(findings), ElementsAre("answers-hold", "answers-hold"));
}

// --- gone-is-told.

TEST_F(OperatorInvariantsTest, AnEndIsAnnouncedBeforeTheAnswer) {
  operators.OnOperatorCall(MarkGoneOf("m-S0"));
  operators.OnCommitted("gone", "m-S0");
  Answer(MarkGoneOf("m-S0"), 200);
  EXPECT_THAT(NamesOf(findings), ElementsAre("gone-is-told"));
}

TEST_F(OperatorInvariantsTest, UnreachableIsNotTerminal) {
  ShowTask(master::TaskPhase::kUnreachable, v1::TASK_UNREACHABLE);
  MarkGone(v1::TASK_UNREACHABLE);
  EXPECT_THAT(NamesOf(findings), ElementsAre("gone-is-told"));
}

TEST_F(OperatorInvariantsTest, OnlyConnectedFrameworksWithTasksThereAreNotified) {
  ShowFramework(true, /*connected=*/false);
  operators.OnOperatorCall(MarkGoneOf("m-S0"));
  operators.OnCommitted("gone", "m-S0");
  Answer(MarkGoneOf("m-S0"), 200);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
}

TEST_F(OperatorInvariantsTest, FrameworksThatDisconnectedJustBeforeAreNotNotified) {
  operators.OnOperatorCall(MarkGoneOf("m-S0"));
  operators.OnCommitted("gone", "m-S0");
  operators.OnOperatorAnswer(leader, MarkGoneOf("m-S0"), 200);
  ShowFramework(true, /*connected=*/false);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
}

TEST_F(OperatorInvariantsTest, TasksThatHaveEndedAreNotReported) {
  ShowTask(master::TaskPhase::kActive, v1::TASK_FINISHED);
  operators.OnOperatorCall(MarkGoneOf("m-S0"));
  operators.OnCommitted("gone", "m-S0");
  Answer(MarkGoneOf("m-S0"), 200);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
}

TEST_F(OperatorInvariantsTest, TheStateIsThatOfTheFrameworksCapability) {
  MarkGone();
  Send(EndOf(v1::TASK_GONE_BY_OPERATOR));
  Send(EndOf(v1::TASK_DROPPED));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  for (const v1::TaskState state : {v1::TASK_LOST, v1::TASK_UNREACHABLE, v1::TASK_UNKNOWN})
    Send(EndOf(state));
  EXPECT_THAT(NamesOf(findings), ElementsAre("gone-is-told", "gone-is-told", "gone-is-told"));
}

TEST_F(OperatorInvariantsTest, WithoutPartitionAwareTasksAreLost) {
  ShowFramework(/*partition_aware=*/false);
  MarkGone(v1::TASK_LOST);
  Send(EndOf(v1::TASK_LOST));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  Send(EndOf(v1::TASK_GONE_BY_OPERATOR));
  EXPECT_THAT(NamesOf(findings), ElementsAre("gone-is-told"));
}

TEST_F(OperatorInvariantsTest, TheNextLeaderKnowsWhoIsGone) {
  MarkGone();
  LeadNext();
  ShowFramework();
  Send(EndOf(v1::TASK_UNKNOWN));
  EXPECT_THAT(NamesOf(findings), ElementsAre("gone-is-told"));
}

// --- removed-stays-removed.

TEST_F(OperatorInvariantsTest, ARemovedFrameworkDoesNotComeBack) {
  Remove();
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  operators.OnMasterSends(leader, "f", SubscribedOf("f"));
  operators.OnMasterSends(leader, "f", OfferOf("o", "f", "m-S0", "cpus:1"));
  operators.OnMasterSends(leader, RunTaskOf("f", TaskOn("m-S0", "u")));
  ShowFramework();
  EXPECT_THAT(NamesOf(findings), ElementsAre("removed-stays-removed", "removed-stays-removed",
                                             "removed-stays-removed", "removed-stays-removed"));
}

TEST_F(OperatorInvariantsTest, ARemovedFrameworkDoesNotComeBackWithTheNextLeader) {
  operators.OnCommitted("remove framework", "f");
  operators.OnMasterSends(leader, "f", SubscribedOf("f"));
  EXPECT_THAT(NamesOf(findings), IsEmpty()) << "the registry's answer may be in flight";
  LeadNext();
  operators.OnMasterSends(leader, "f", SubscribedOf("f"));
  EXPECT_THAT(NamesOf(findings), ElementsAre("removed-stays-removed"));
}

TEST_F(OperatorInvariantsTest, ACompletedFrameworkIsShownAsSuch) {
  operators.OnCommitted("remove framework", "f");
  ShowFramework(true, true, /*completed=*/true);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  ShowFramework();
  EXPECT_THAT(NamesOf(findings), ElementsAre("removed-stays-removed"));
}

}  // namespace
}  // namespace tepui::sim
