// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/membership_invariants.h"

#include "sim/invariants/invariants_testing.h"

namespace tepui::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

link::Event RegisteredOf(const std::string& agent) {
  link::Event event;
  event.set_type(link::Event::SUBSCRIBED);
  event.mutable_subscribed()->mutable_agent_id()->set_value(agent);
  return event;
}

v1::TaskStatus LostOf(v1::TaskState state, bool unreachable) {
  v1::TaskStatus status = Because(StatusOf("t", state), v1::TaskStatus::REASON_AGENT_REMOVED);
  status.mutable_agent_id()->set_value("m-S0");
  if (unreachable) status.mutable_unreachable_time()->set_nanoseconds(1);
  return status;
}

master::Changes Shown(bool present) {
  master::Changes changes;
  changes.agents.emplace_back(AgentId("m-S0"),
                              present ? std::make_shared<master::AgentRecord>() : nullptr);
  return changes;
}

struct MembershipInvariantsTest : ::testing::Test {
  MembershipInvariantsTest() { membership.OnLeading("master-0", 1); }

  // Everything by which that master reports the agent's admission.
  void ReportAdmission(const std::string& host = "master-0") {
    membership.OnMasterSends(host, RegisteredOf("m-S0"));
    membership.OnMasterSends(host, "f", OfferOf("o", "f", "m-S0", "cpus:1"));
    membership.OnPublished(host, Shown(true));
  }
  void ReportLoss(const std::string& host = "master-0") {
    membership.OnMasterSends(host, "f", UpdateOf(LostOf(v1::TASK_UNREACHABLE, true)));
    membership.OnMasterSends(host, "f", UpdateOf(LostOf(v1::TASK_LOST, true)));
    membership.OnMasterSends(host, "f", AgentLostOf("m-S0"));
    membership.OnPublished(host, Shown(false));
  }
  void ReportEnd() {
    membership.OnMasterSends("master-0", "f", UpdateOf(LostOf(v1::TASK_GONE, false)));
    membership.OnMasterSends("master-0", "f", UpdateOf(LostOf(v1::TASK_GONE_BY_OPERATOR, false)));
    membership.OnMasterSends("master-0", "f", AgentLostOf("m-S0"));
    membership.OnPublished("master-0", Shown(false));
  }

  World world{1, false};
  Findings findings{world};
  MembershipInvariants membership{findings};
};

TEST_F(MembershipInvariantsTest, WhatIsInTheRegistryMayBeAnnounced) {
  for (const char* op : {"admit", "update"}) {
    membership.OnCommitted(1, op, "m-S0");
    ReportAdmission();
  }
  membership.OnCommitted(1, "unreachable", "m-S0");
  ReportLoss();
  membership.OnCommitted(1, "reachable", "m-S0");
  ReportAdmission();
  membership.OnCommitted(1, "remove", "m-S0");
  ReportEnd();
  EXPECT_THAT(NamesOf(findings), IsEmpty());
}

TEST_F(MembershipInvariantsTest, AdmissionIsAnnouncedAfterTheRegistryIsWritten) {
  ReportAdmission();
  EXPECT_THAT(NamesOf(findings), ElementsAre("durable-first", "durable-first", "durable-first"));
}

TEST_F(MembershipInvariantsTest, AnUnreachableAgentIsNotAnnouncedAsRegistered) {
  membership.OnCommitted(1, "admit", "m-S0");
  membership.OnCommitted(1, "unreachable", "m-S0");
  ReportAdmission();
  EXPECT_THAT(NamesOf(findings), ElementsAre("durable-first", "durable-first"))
      << "readers may be behind";
}

TEST_F(MembershipInvariantsTest, LossIsAnnouncedAfterTheRegistryIsWritten) {
  membership.OnCommitted(1, "admit", "m-S0");
  ReportLoss();
  EXPECT_THAT(NamesOf(findings),
              ElementsAre("durable-first", "durable-first", "durable-first", "durable-first"));
}

TEST_F(MembershipInvariantsTest, TheEndIsAnnouncedAfterTheRegistryIsWritten) {
  membership.OnCommitted(1, "admit", "m-S0");
  membership.OnCommitted(1, "unreachable", "m-S0");
  ReportEnd();
  EXPECT_THAT(NamesOf(findings), ElementsAre("durable-first", "durable-first"))
      << "unreachable is not gone";
}

// A task, of a framework that is not partition-aware, is dropped because its agent is being
// removed.
TEST_F(MembershipInvariantsTest, ARefusedLaunchDoesNotImplyAnAgent) {
  membership.OnCommitted(1, "admit", "m-S0");
  membership.OnMasterSends("master-0", "f", UpdateOf(LostOf(v1::TASK_LOST, false)));
  EXPECT_THAT(NamesOf(findings), IsEmpty());
}

TEST_F(MembershipInvariantsTest, ReconciliationNeedsTheRegistryToo) {
  membership.OnCommitted(1, "admit", "m-S0");
  v1::TaskStatus answer = LostOf(v1::TASK_UNREACHABLE, true);
  answer.set_reason(v1::TaskStatus::REASON_RECONCILIATION);
  membership.OnMasterSends("master-0", "f", UpdateOf(answer));
  EXPECT_THAT(NamesOf(findings), ElementsAre("durable-first"));
}

// A framework reconciles while the registry's answer is in flight.
TEST_F(MembershipInvariantsTest, AReturningAgentIsUnreachableUntilTheMasterHears) {
  membership.OnCommitted(1, "admit", "m-S0");
  membership.OnCommitted(1, "unreachable", "m-S0");
  membership.OnCommitted(1, "reachable", "m-S0");
  const SchedulerEvent answer = UpdateOf(LostOf(v1::TASK_UNREACHABLE, true));
  membership.OnMasterSends("master-0", "f", answer);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  ReportAdmission();
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  membership.OnMasterSends("master-0", "f", answer);
  EXPECT_THAT(NamesOf(findings), ElementsAre("durable-first"));
}

// This holds for a deposed master too.
TEST_F(MembershipInvariantsTest, ARemovalOfAFrameworkIsAnnouncedAfterTheRegistryIsWritten) {
  link::Event shutdown;
  shutdown.set_type(link::Event::SHUTDOWN_FRAMEWORK);
  shutdown.mutable_shutdown_framework()->set_value("f");
  master::Changes changes;
  auto record = std::make_shared<master::FrameworkRecord>();
  record->completed = true;
  changes.frameworks.emplace_back(FrameworkId("f"), record);
  membership.OnMasterSends("master-1", shutdown);
  membership.OnPublished("master-1", changes);
  EXPECT_THAT(NamesOf(findings), ElementsAre("durable-first", "durable-first"));
  membership.OnCommitted(1, "remove framework", "f");
  membership.OnMasterSends("master-0", shutdown);
  membership.OnPublished("master-0", changes);
  EXPECT_THAT(NamesOf(findings), SizeIs(2));
}

TEST_F(MembershipInvariantsTest, ADeposedMasterMayBeBehind) {
  membership.OnLeading("master-1", 2);
  ReportAdmission("master-0");
  ReportLoss("master-0");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  ReportAdmission("master-1");
  EXPECT_THAT(NamesOf(findings), ElementsAre("durable-first", "durable-first", "durable-first"));
}

TEST_F(MembershipInvariantsTest, ARemovedAgentIsNotAdmittedAgain) {
  membership.OnCommitted(1, "admit", "m-S0");
  membership.OnCommitted(1, "remove", "m-S0");
  membership.OnCommitted(1, "admit", "m-S1");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  membership.OnCommitted(1, "reachable", "m-S0");
  EXPECT_THAT(NamesOf(findings), ElementsAre("gone-stays-gone"));
}

TEST_F(MembershipInvariantsTest, EpochsGrow) {
  membership.OnLeading("master-1", 2);
  membership.OnLeading("master-0", 3);
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  membership.OnLeading("master-2", 3);
  EXPECT_THAT(NamesOf(findings), ElementsAre("one-leader"));
}

TEST_F(MembershipInvariantsTest, ADeposedLeaderDoesNotWrite) {
  membership.OnCommitted(1, "admit", "m-S0");
  membership.OnLeading("master-1", 2);
  membership.OnCommitted(2, "admit", "m-S1");
  EXPECT_THAT(NamesOf(findings), IsEmpty());
  membership.OnCommitted(1, "unreachable", "m-S0");
  EXPECT_THAT(NamesOf(findings), ElementsAre("one-leader"));
}

}  // namespace
}  // namespace tepui::sim
