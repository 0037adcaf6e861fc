// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using Kind = Fault::Kind;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::Eq;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const ClusterSize kSize;

TEST(MakeFaults, AreTheirSeeds) {
  const auto faults = MakeFaults(7, kSize, 50, 20min);
  EXPECT_EQ(faults, MakeFaults(7, kSize, 50, 20min));
  EXPECT_NE(faults, MakeFaults(8, kSize, 50, 20min));
}

// So a run can be reduced to some of its faults, and a shorter list is a prefix of a longer one.
TEST(MakeFaults, DoNotDependOnEachOther) {
  const auto many = MakeFaults(7, kSize, 50, 20min);
  for (const int count : {0, 1, 20, 49}) {
    const std::vector<Fault> first(many.begin(), many.begin() + count);
    EXPECT_EQ(MakeFaults(7, kSize, count, 20min), first);
  }
  std::set<std::string> different;
  for (const Fault& fault : many) different.insert(fault.ToString());
  EXPECT_THAT(different, SizeIs(50));
}

TEST(MakeFaults, EndWithinTheRun) {
  for (const Duration length : {Duration(20min), Duration(3s), Duration(1ms)}) {
    for (const Fault& fault : MakeFaults(1, kSize, 1000, length)) {
      EXPECT_GE(fault.at, Duration::zero());
      EXPECT_LE(fault.at + fault.lasts, length) << fault.ToString();
    }
  }
}

TEST(MakeFaults, AreOfEveryKindAndAimAtHostsThatAreThere) {
  const auto node = AnyOf(StartsWith("master-"), StartsWith("agent-"), StartsWith("framework-"));
  std::map<Kind, int> kinds;
  for (const Fault& fault : MakeFaults(3, {.masters = 1, .agents = 2, .frameworks = 1}, 2000, 1h)) {
    ++kinds[fault.kind];
    const std::string text = fault.ToString();
    for (const std::string& host : {fault.target, fault.other}) {
      EXPECT_THAT(host, AnyOf("", "master-0", "agent-0", "agent-1", "framework-0", "coordination"))
          << text;
    }
    switch (fault.kind) {
      case Kind::kCrash:
        EXPECT_THAT(fault.amount, AnyOf(0, 1)) << text;
        [[fallthrough]];
      case Kind::kPause:
      case Kind::kIsolation:
      case Kind::kClockSkew:
        EXPECT_THAT(fault.target, node) << text;
        EXPECT_EQ(fault.other, "") << text;
        break;
      case Kind::kPartition:
      case Kind::kOneWayPartition:
      case Kind::kReset:
        EXPECT_NE(fault.target, fault.other) << text;
        EXPECT_NE(fault.target, "") << text;
        EXPECT_NE(fault.other, "") << text;
        break;
      case Kind::kSlowStore:
      case Kind::kFailingStore:
        EXPECT_THAT(fault.target, AnyOf("master-0", "agent-0", "agent-1")) << text;
        break;
      case Kind::kFailingLaunches:
      case Kind::kContainerDeath:
      case Kind::kShutdown:
      case Kind::kAgentDeath:
        EXPECT_THAT(fault.target, StartsWith("agent-")) << text;
        break;
      case Kind::kSlowNetwork:
        EXPECT_EQ(fault.target, "") << text;
        EXPECT_GE(fault.amount, 2) << text;
        break;
      case Kind::kMarkGone:
      case Kind::kTeardown:
        ADD_FAILURE() << text;
        break;
    }
  }
  EXPECT_THAT(kinds, SizeIs(14));
  for (const auto& [kind, count] : kinds) EXPECT_GE(count, 20) << Name(kind);
}

TEST(MakeFaults, DoNotAimAtMissingHosts) {
  for (const Fault& fault : MakeFaults(3, {.masters = 3, .agents = 1, .frameworks = 0}, 500, 1h)) {
    EXPECT_THAT(fault.target, Not(StartsWith("framework-")));
    EXPECT_THAT(fault.other, Not(StartsWith("framework-")));
  }
}

// --- Acts of an operator.

TEST(MakeOperatorActs, AreOfBothKindsAndInstant) {
  const ClusterSize size{.masters = 1, .agents = 2, .frameworks = 1};
  const std::vector<Fault> faults = MakeFaults(7, size, 20, 20min);
  std::map<std::pair<Kind, int64_t>, int> kinds;
  for (const Fault& act : MakeOperatorActs(7, size, faults, 500, 20min)) {
    ++kinds[{act.kind, act.amount}];
    EXPECT_GE(act.at, Duration::zero());
    EXPECT_LE(act.at, 20min);
    EXPECT_EQ(act.lasts, Duration::zero());
    if (act.kind == Kind::kTeardown) {
      EXPECT_EQ(act.target, "framework-0");
    } else {
      EXPECT_THAT(act.target, AnyOf("agent-0", "agent-1"));
    }
  }
  EXPECT_THAT(kinds, SizeIs(6));
  for (const auto& [kind, count] : kinds) EXPECT_GE(count, 10) << Name(kind.first);
}

// So that the faults of a seed are what they were without an operator.
TEST(MakeOperatorActs, DoNotDependOnEachOther) {
  const std::vector<Fault> faults = MakeFaults(7, kSize, 20, 20min);
  const std::vector<Fault> many = MakeOperatorActs(7, kSize, faults, 50, 20min);
  EXPECT_EQ(MakeOperatorActs(7, kSize, faults, 10, 20min),
            std::vector<Fault>(many.begin(), many.begin() + 10));
  EXPECT_NE(MakeOperatorActs(8, kSize, faults, 50, 20min), many);
}

TEST(MakeOperatorActs, OftenFollowAFault) {
  const Fault fault{5min, 1min, Kind::kPause, "agent-3", "", 0};
  int after = 0;
  for (const Fault& act : MakeOperatorActs(7, {.agents = 100}, {fault}, 300, 1h)) {
    if (act.kind != Kind::kMarkGone || act.target != "agent-3") continue;
    if (act.at >= fault.at && act.at <= fault.at + 4min) ++after;
  }
  EXPECT_GE(after, 60);
}

TEST(MakeOperatorActs, DoNotTearDownWithoutFrameworks) {
  for (const Fault& act : MakeOperatorActs(3, {.agents = 1, .frameworks = 0}, {}, 200, 1h))
    EXPECT_EQ(act.kind, Kind::kMarkGone);
}

TEST(Fault, ReadsAsItIs) {
  Fault fault{.at = 12500ms,
              .lasts = 30s,
              .kind = Kind::kPartition,
              .target = "master-0",
              .other = "agent-2",
              .amount = 0};
  EXPECT_EQ(fault.ToString(), "12.5s +30s partition master-0 agent-2");
  fault = {1s, 250ms, Kind::kClockSkew, "agent-0", "", -20};
  EXPECT_EQ(fault.ToString(), "1s +0.25s clock-skew agent-0 -20s");
  fault = {0s, 1s, Kind::kShutdown, "agent-0", "", 1};
  EXPECT_EQ(fault.ToString(), "0s +1s shutdown agent-0 SIGUSR1");
  fault = {1s, 0s, Kind::kMarkGone, "agent-0", "", 1};
  EXPECT_EQ(fault.ToString(), "1s +0s mark-gone agent-0 twice");
  fault = {1s, 0s, Kind::kTeardown, "framework-0", "", 2};
  EXPECT_EQ(fault.ToString(), "1s +0s teardown framework-0 again");
  fault = {1119077ms, 1s, Kind::kSlowNetwork, "", "", 5};
  EXPECT_EQ(fault.ToString(), "1119.077s +1s slow-network x5");
  fault = {1s, 1s, Kind::kSlowStore, "master-1", "", 70};
  EXPECT_EQ(fault.ToString(), "1s +1s slow-store master-1 70ms");
}

}  // namespace
}  // namespace tepui::sim
