// SPDX-License-Identifier: Apache-2.0
#include "master/membership/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace tepui::master {

// Names the standing in a failed expectation.
void PrintTo(Membership::Standing standing, std::ostream* out) {
  static constexpr const char* kNames[] = {"unknown",      "recovered",   "active",
                                           "disconnected", "unreachable", "gone"};
  *out << kNames[static_cast<size_t>(standing)];
}

namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Standing = Membership::Standing;

const AgentId kId("a");

WallTime At(int hour) { return WallTime(hours(hour)); }

Membership::Tasks TasksNamed(const std::string& name) { return {{FrameworkId("f"), TaskId(name)}}; }

class MembershipTest : public ::testing::Test {
 protected:
  // Brings the agent, of which nothing is known, to that standing.
  void Bring(Standing standing, const AgentId& id = kId) {
    if (standing == Standing::kUnknown) return;
    membership.BeginAdmission(id);
    membership.Admit(id);
    if (standing == Standing::kActive) return;
    if (standing == Standing::kDisconnected) return membership.Disconnect(id);
    membership.BeginRemoval(id);
    if (standing == Standing::kUnreachable) return membership.MarkUnreachable(id, At(1), {});
    membership.MarkGone(id, At(1));
  }
  void LoseAt(int hour, const std::string& id) {
    Bring(Standing::kActive, AgentId(id));
    membership.BeginRemoval(AgentId(id));
    membership.MarkUnreachable(AgentId(id), At(hour), {});
  }
  void MarkGoneAt(int hour, const std::string& id) {
    Bring(Standing::kActive, AgentId(id));
    membership.BeginRemoval(AgentId(id));
    membership.MarkGone(AgentId(id), At(hour));
  }
  static RecoveredRegistry RegistryWith(const std::string& id) {
    RecoveredRegistry registry;
    registry.agents.emplace_back().mutable_id()->set_value(id);
    registry.agents.back().set_hostname("host of " + id);
    return registry;
  }

  Membership membership{{.max_age = hours(100), .max_count = 3}};
};

// --- Admission.

TEST_F(MembershipTest, AnAgentIsUnknownUntilItsAdmissionIsWritten) {
  membership.BeginAdmission(kId);
  EXPECT_EQ(membership.StandingOf(kId), Standing::kUnknown);
  EXPECT_TRUE(membership.IsBeingWritten(kId) && membership.IsBeingAdmitted(kId));
  EXPECT_TRUE(membership.IsInUse(kId));
  EXPECT_FALSE(membership.IsAdmitted(kId) || membership.IsLeaving(kId));
  EXPECT_THAT(membership.Admit(kId), IsEmpty());
  EXPECT_EQ(membership.StandingOf(kId), Standing::kActive);
  EXPECT_TRUE(membership.IsAdmitted(kId));
  EXPECT_FALSE(membership.IsBeingWritten(kId));
  EXPECT_EQ(membership.count(Standing::kUnknown), 0u);
  EXPECT_EQ(membership.count(Standing::kActive), 1u);
}

TEST_F(MembershipTest, ARefusedAgentLeavesNoRecord) {
  membership.BeginAdmission(kId);
  membership.AbandonAdmission(kId);
  EXPECT_FALSE(membership.IsInUse(kId) || membership.IsBeingWritten(kId));
  EXPECT_EQ(membership.count(Standing::kUnknown), 0u);
}

TEST_F(MembershipTest, AnAgentThatReregistersStandsWhereItStoodUntilThatIsWritten) {
  for (const Standing before :
       {Standing::kActive, Standing::kDisconnected, Standing::kUnreachable}) {
    const AgentId id(std::to_string(static_cast<int>(before)));
    Bring(before, id);
    membership.BeginAdmission(id);
    EXPECT_EQ(membership.StandingOf(id), before);
    membership.AbandonAdmission(id);
    EXPECT_EQ(membership.StandingOf(id), before);
    EXPECT_FALSE(membership.IsBeingWritten(id));
    membership.BeginAdmission(id);
    membership.Admit(id);
    EXPECT_EQ(membership.StandingOf(id), Standing::kActive);
  }
  EXPECT_EQ(membership.count(Standing::kActive), 3u);
}

TEST_F(MembershipTest, AnUnreachableAgentReturnsWithItsTasks) {
  Bring(Standing::kActive);
  membership.BeginRemoval(kId);
  membership.MarkUnreachable(kId, At(1), TasksNamed("t"));
  membership.BeginAdmission(kId);
  EXPECT_THAT(membership.UnreachableSince(kId), At(1));
  EXPECT_EQ(membership.Admit(kId), TasksNamed("t"));
  EXPECT_EQ(membership.UnreachableSince(kId), std::nullopt);
  EXPECT_EQ(membership.count(Standing::kUnreachable), 0u);
}

TEST_F(MembershipTest, AnAgentMayDisconnectWhileTheRegistryWritesAboutIt) {
  Bring(Standing::kActive);
  membership.BeginRemoval(kId);
  membership.Disconnect(kId);
  EXPECT_EQ(membership.StandingOf(kId), Standing::kDisconnected);
  EXPECT_TRUE(membership.IsLeaving(kId));
  membership.AbandonRemoval(kId);
  EXPECT_EQ(membership.StandingOf(kId), Standing::kDisconnected);
}

// --- Removal.

TEST_F(MembershipTest, ALeavingAgentStandsWhereItStoodUntilThatIsWritten) {
  for (const Standing before :
       {Standing::kActive, Standing::kDisconnected, Standing::kUnreachable, Standing::kGone}) {
    const AgentId id(std::to_string(static_cast<int>(before)));
    Bring(before, id);
    membership.BeginRemoval(id);
    EXPECT_TRUE(membership.IsLeaving(id) && membership.IsBeingWritten(id));
    EXPECT_EQ(membership.StandingOf(id), before);
    membership.AbandonRemoval(id);
    EXPECT_FALSE(membership.IsLeaving(id));
    EXPECT_EQ(membership.StandingOf(id), before);
    membership.BeginRemoval(id);
    membership.Forget(id);
    EXPECT_FALSE(membership.IsInUse(id));
    EXPECT_EQ(membership.count(before), 0u);
  }
}

TEST_F(MembershipTest, AgentsOfTheClusterAndUnreachableOnesMayBeMarkedGone) {
  for (const Standing before :
       {Standing::kActive, Standing::kDisconnected, Standing::kUnreachable}) {
    const AgentId id(std::to_string(static_cast<int>(before)));
    Bring(before, id);
    membership.BeginRemoval(id);
    membership.MarkGone(id, At(2));
    EXPECT_EQ(membership.StandingOf(id), Standing::kGone);
    EXPECT_EQ(membership.count(before), 0u);
  }
  EXPECT_EQ(membership.count(Standing::kGone), 3u);
}

TEST_F(MembershipTest, TheTasksOfAnUnreachableAgentAreReturnedWhenItIsGoneOrForgotten) {
  for (const char* id : {"gone", "forgotten"}) {
    Bring(Standing::kActive, AgentId(id));
    membership.BeginRemoval(AgentId(id));
    membership.MarkUnreachable(AgentId(id), At(1), TasksNamed(id));
    membership.BeginRemoval(AgentId(id));
  }
  EXPECT_EQ(membership.MarkGone(AgentId("gone"), At(2)), TasksNamed("gone"));
  EXPECT_EQ(membership.Forget(AgentId("forgotten")), TasksNamed("forgotten"));
}

TEST_F(MembershipTest, ARemovalSupersedesTheAdmissionOfAnAdmittedAgent) {
  Bring(Standing::kActive);
  membership.BeginAdmission(kId);
  membership.BeginRemoval(kId);
  EXPECT_FALSE(membership.IsBeingAdmitted(kId));
  membership.MarkUnreachable(kId, At(1), {});
  EXPECT_EQ(membership.StandingOf(kId), Standing::kUnreachable);
}

// --- After a failover.

TEST_F(MembershipTest, RecoversWhatTheRegistryHolds) {
  RecoveredRegistry registry = RegistryWith("r");
  registry.unreachable = {{AgentId("u"), At(1)}};
  registry.gone = {{AgentId("g"), At(2)}};
  membership.Recover(std::move(registry));
  EXPECT_EQ(membership.StandingOf(AgentId("r")), Standing::kRecovered);
  EXPECT_EQ(membership.RecoveredInfo(AgentId("r"))->hostname(), "host of r");
  EXPECT_EQ(membership.StandingOf(AgentId("u")), Standing::kUnreachable);
  EXPECT_EQ(membership.UnreachableSince(AgentId("u")), At(1));
  EXPECT_EQ(membership.RecoveredInfo(AgentId("u")), nullptr);
  EXPECT_EQ(membership.StandingOf(AgentId("g")), Standing::kGone);
  EXPECT_THAT(membership.Recovered(), ElementsAre(AgentId("r")));
  EXPECT_EQ(membership.count(Standing::kRecovered), 1u);
}

TEST_F(MembershipTest, ARecoveredAgentMayReturnOrLeaveLikeAnyOther) {
  RecoveredRegistry registry;
  for (const char* id : {"back", "refused", "unreachable", "gone"})
    registry.agents.emplace_back().mutable_id()->set_value(id);
  membership.Recover(std::move(registry));
  membership.BeginAdmission(AgentId("back"));
  membership.BeginAdmission(AgentId("refused"));
  membership.BeginRemoval(AgentId("unreachable"));
  membership.BeginRemoval(AgentId("gone"));
  EXPECT_EQ(membership.count(Standing::kRecovered), 4u);
  membership.Admit(AgentId("back"));
  membership.AbandonAdmission(AgentId("refused"));
  membership.MarkUnreachable(AgentId("unreachable"), At(1), {});
  membership.MarkGone(AgentId("gone"), At(1));
  EXPECT_THAT(membership.Recovered(), UnorderedElementsAre(AgentId("refused")));
  EXPECT_EQ(membership.RecoveredInfo(AgentId("back")), nullptr);
}

// A registry that holds an agent twice is no reason to end.
TEST_F(MembershipTest, AnAgentThatTheRegistryHoldsTwiceIsGone) {
  RecoveredRegistry registry = RegistryWith("twice");
  registry.unreachable = {{AgentId("twice"), At(1)}};
  registry.gone = {{AgentId("twice"), At(2)}};
  membership.Recover(std::move(registry));
  EXPECT_EQ(membership.StandingOf(AgentId("twice")), Standing::kGone);
  EXPECT_EQ(membership.count(Standing::kRecovered), 0u);
  EXPECT_EQ(membership.count(Standing::kUnreachable), 0u);
}

// --- Pruning.

TEST_F(MembershipTest, AgentsThatAreTooOldArePruned) {
  LoseAt(1, "old");
  LoseAt(2, "new");
  MarkGoneAt(1, "long gone");
  MarkGoneAt(2, "just gone");
  const auto [unreachable, gone] = membership.BeginPruning(At(102));
  EXPECT_THAT(unreachable, ElementsAre(AgentId("old")));
  EXPECT_THAT(gone, ElementsAre(AgentId("long gone")));
  EXPECT_TRUE(membership.IsLeaving(AgentId("old")) && membership.IsLeaving(AgentId("long gone")));
  EXPECT_FALSE(membership.IsBeingWritten(AgentId("new")));
}

// Unreachable agents leave in the order in which they became so, whatever the clock said.
TEST_F(MembershipTest, ThoseThatLeftFirstArePrunedIfThereAreTooMany) {
  const std::vector<std::pair<int, std::string>> left = {
      {9, "u0"}, {5, "u1"}, {7, "u2"}, {6, "u3"}, {8, "u4"}};
  for (const auto& [hour, id] : left) {
    LoseAt(hour, id);
    MarkGoneAt(hour, "g" + id);
  }
  const auto [unreachable, gone] = membership.BeginPruning(At(10));
  EXPECT_THAT(unreachable, ElementsAre(AgentId("u0"), AgentId("u1")));
  EXPECT_THAT(gone, ElementsAre(AgentId("gu1"), AgentId("gu3")));
}

TEST_F(MembershipTest, OneThatBecomesUnreachableAgainIsTheLast) {
  LoseAt(1, "a");
  LoseAt(2, "b");
  LoseAt(3, "a");
  LoseAt(4, "c");
  LoseAt(5, "d");
  EXPECT_THAT(membership.BeginPruning(At(6)).unreachable, ElementsAre(AgentId("b")));
}

TEST_F(MembershipTest, PrunedAgentsAreUnknown) {
  LoseAt(1, "u");
  MarkGoneAt(1, "g");
  membership.BeginPruning(At(200));
  membership.Forget(AgentId("u"));
  membership.Forget(AgentId("g"));
  EXPECT_FALSE(membership.IsInUse(AgentId("u")) || membership.IsInUse(AgentId("g")));
  EXPECT_THAT(membership.BeginPruning(At(200)).unreachable, IsEmpty());
}

TEST_F(MembershipTest, WhatTheRegistryKeptIsPrunedNextTime) {
  LoseAt(1, "u");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(membership.BeginPruning(At(200)).unreachable, ElementsAre(AgentId("u")));
    membership.AbandonRemoval(AgentId("u"));
  }
  EXPECT_EQ(membership.StandingOf(AgentId("u")), Standing::kUnreachable);
}

TEST_F(MembershipTest, AnAgentThatIsComingBackIsNotPruned) {
  LoseAt(1, "back");
  LoseAt(1, "away");
  membership.BeginAdmission(AgentId("back"));
  EXPECT_THAT(membership.BeginPruning(At(200)).unreachable, ElementsAre(AgentId("away")));
}

TEST_F(MembershipTest, PruningIsDueAtOnceIfATenthTooManyAreUnreachable) {
  Membership many({.max_age = hours(1), .max_count = 10});
  RecoveredRegistry registry;
  for (int i = 0; i < 12; ++i) registry.unreachable.emplace_back(AgentId(std::to_string(i)), At(0));
  many.Recover(std::move(registry));
  EXPECT_FALSE(many.HasTooManyUnreachable());
  many.BeginAdmission(kId);
  many.Admit(kId);
  many.BeginRemoval(kId);
  many.MarkUnreachable(kId, At(0), {});
  EXPECT_TRUE(many.HasTooManyUnreachable());
}

// --- Changes that the master must never make.

using RefusedTransition = MembershipTest;

TEST_F(RefusedTransition, Admission) {
  EXPECT_DEATH(membership.Admit(kId), "writing") << "before it is written";
  EXPECT_DEATH(membership.AbandonAdmission(kId), "writing");
  membership.BeginAdmission(kId);
  EXPECT_DEATH(membership.BeginAdmission(kId), "writing") << "twice";
  EXPECT_DEATH(membership.BeginRemoval(kId), "kUnknown") << "it is not known";
  membership.AbandonAdmission(kId);
  Bring(Standing::kGone);
  EXPECT_DEATH(membership.BeginAdmission(kId), "Gone");
}

TEST_F(RefusedTransition, Removal) {
  EXPECT_DEATH(membership.BeginRemoval(kId), "kUnknown");
  Bring(Standing::kUnreachable);
  for (const auto& complete : std::initializer_list<std::function<void()>>{
           [&] { membership.MarkUnreachable(kId, At(1), {}); },
           [&] { membership.MarkGone(kId, At(1)); }, [&] { membership.Forget(kId); },
           [&] { membership.AbandonRemoval(kId); }}) {
    EXPECT_DEATH(complete(), "writing") << "before it is written";
  }
  membership.BeginAdmission(kId);
  EXPECT_DEATH(membership.BeginRemoval(kId), "writing") << "it is coming back";
  membership.AbandonAdmission(kId);
  membership.BeginRemoval(kId);
  EXPECT_DEATH(membership.BeginRemoval(kId), "writing") << "twice";
  EXPECT_DEATH(membership.BeginAdmission(kId), "writing") << "it is leaving";
  EXPECT_DEATH(membership.MarkUnreachable(kId, At(1), {}), "Admitted") << "it is so already";
  membership.MarkGone(kId, At(1));
  membership.BeginRemoval(kId);
  EXPECT_DEATH(membership.MarkGone(kId, At(1)), "Gone") << "it is so already";
}

TEST_F(RefusedTransition, Disconnection) {
  EXPECT_DEATH(membership.Disconnect(kId), "kActive");
  Bring(Standing::kDisconnected);
  EXPECT_DEATH(membership.Disconnect(kId), "kActive");
}

TEST_F(RefusedTransition, Recovery) {
  Bring(Standing::kActive);
  EXPECT_DEATH(membership.Recover(RegistryWith("r")), "empty");
}

}  // namespace
}  // namespace tepui::master
