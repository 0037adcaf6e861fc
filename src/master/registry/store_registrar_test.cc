// SPDX-License-Identifier: Apache-2.0
#include "master/registry/store_registrar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/virtual_clock.h"
#include "storage/memory/memory_store.h"

namespace tepui::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

mesos::v1::AgentInfo Info(const std::string& id, const std::string& hostname = "h") {
  mesos::v1::AgentInfo info;
  info.mutable_id()->set_value(id);
  info.set_hostname(hostname);
  return info;
}

WallTime At(int seconds) { return WallTime(std::chrono::seconds(seconds) + Duration(5)); }

class StoreRegistrarTest : public ::testing::Test {
 protected:
  StoreRegistrarTest() { Lead(); }

  // Starts a (new) leader on the same data.
  void Lead() {
    registrar.reset();
    store.emplace(Poster(), data);
    store->Fence([](const Result<uint64_t>& epoch) { ASSERT_TRUE(epoch); });
    clock.Settle();
    registrar.emplace(*store, clock, std::chrono::seconds(20),
                      [this](const Error& error) { losses.push_back(error.message); });
  }
  tepui::Poster Poster() {
    return [this](std::move_only_function<void()> work) {
      clock.After(Duration::zero(), std::move(work));
    };
  }
  Registrar::Done Expect() {
    return [this](const Status& status) {
      ++answers;
      EXPECT_TRUE(status) << status.error().message;
    };
  }
  Result<RecoveredRegistry> Recover() {
    Result<RecoveredRegistry> found = Fail(Code::kInternal, "no answer");
    StoreRegistrar::Recover(*store, [&](Result<RecoveredRegistry> r) { found = std::move(r); });
    clock.Settle();
    return found;
  }
  void Write(const std::string& key, const std::string& value) {
    store->Commit({{.key = key, .value = value}}, [](const Status& s) { ASSERT_TRUE(s); });
    clock.Settle();
  }
  std::vector<std::string> Agents() {
    std::vector<std::string> ids;
    const Result<RecoveredRegistry> found = Recover();
    if (!found) return {found.error().message};
    for (const auto& info : found->agents) ids.push_back(info.id().value());
    return ids;
  }

  VirtualClock clock;
  std::shared_ptr<storage::MemoryData> data = std::make_shared<storage::MemoryData>();
  std::vector<std::string> losses;
  int answers = 0;
  std::optional<storage::MemoryStore> store;
  std::optional<StoreRegistrar> registrar;
};

TEST_F(StoreRegistrarTest, WhatWasWrittenIsRecoveredByTheNextLeader) {
  registrar->Commit(change::PutAgent{Info("a")}, Expect());
  registrar->Commit(change::PutAgent{Info("b")}, Expect());
  registrar->Commit(change::PutAgent{Info("b", "elsewhere")}, Expect());
  registrar->Commit(change::PutAgent{Info("c")}, Expect());
  registrar->Commit(change::MarkUnreachable{AgentId("c"), At(7)}, Expect());
  registrar->Commit(change::PutAgent{Info("d")}, Expect());
  registrar->Commit(change::MarkGone{AgentId("d"), At(9)}, Expect());
  registrar->Commit(change::PutAgent{Info("e")}, Expect());
  registrar->Commit(change::RemoveAgent{AgentId("e")}, Expect());
  registrar->Commit(change::RemoveFramework{FrameworkId("g"), At(4)}, Expect());
  registrar->Commit(change::RemoveFramework{FrameworkId("f"), At(5)}, Expect());
  clock.Settle();
  EXPECT_EQ(answers, 11);
  Lead();
  const auto registry = Recover();
  ASSERT_TRUE(registry) << registry.error().message;
  ASSERT_EQ(registry->agents.size(), 2u);
  EXPECT_EQ(registry->agents[1].hostname(), "elsewhere");
  EXPECT_THAT(registry->unreachable, ElementsAre(Pair(AgentId("c"), At(7))));
  EXPECT_THAT(registry->gone, ElementsAre(Pair(AgentId("d"), At(9))));
  EXPECT_THAT(registry->removed_frameworks,
              ElementsAre(Pair(FrameworkId("g"), At(4)), Pair(FrameworkId("f"), At(5))));
}

TEST_F(StoreRegistrarTest, AnAgentIsInOneStandingOnly) {
  registrar->Commit(change::PutAgent{Info("a")}, Expect());
  registrar->Commit(change::MarkUnreachable{AgentId("a"), At(1)}, Expect());
  clock.Settle();
  EXPECT_THAT(Agents(), IsEmpty());
  registrar->Commit(change::MarkReachable{Info("a")}, Expect());
  clock.Settle();
  EXPECT_THAT(Agents(), ElementsAre("a"));
  EXPECT_THAT(Recover()->unreachable, IsEmpty());
  registrar->Commit(change::MarkUnreachable{AgentId("a"), At(1)}, Expect());
  registrar->Commit(change::MarkGone{AgentId("a"), At(2)}, Expect());
  clock.Settle();
  EXPECT_THAT(Recover()->unreachable, IsEmpty());
  EXPECT_THAT(Recover()->gone, ElementsAre(Pair(AgentId("a"), At(2))));
}

TEST_F(StoreRegistrarTest, TheLostAreInTheOrderOfTheirLoss) {
  for (const auto& [id, when] : {std::pair("a", 3), std::pair("b", 1), std::pair("c", 2)})
    registrar->Commit(change::MarkUnreachable{AgentId(id), At(when)}, Expect());
  clock.Settle();
  EXPECT_THAT(
      Recover()->unreachable,
      ElementsAre(Pair(AgentId("b"), At(1)), Pair(AgentId("c"), At(2)), Pair(AgentId("a"), At(3))));
}

TEST_F(StoreRegistrarTest, PruneForgetsMoreThanOneBatchHolds) {
  std::vector<AgentId> unreachable, gone;
  for (int i = 0; i < 1200; ++i) {
    unreachable.emplace_back("u" + std::to_string(i));
    registrar->Commit(change::MarkUnreachable{AgentId(unreachable.back().value()), At(i)},
                      Expect());
  }
  gone.emplace_back("g");
  registrar->Commit(change::MarkGone{AgentId("g"), At(1)}, Expect());
  registrar->Commit(change::MarkGone{AgentId("kept"), At(1)}, Expect());
  registrar->Commit(change::RemoveFramework{FrameworkId("f"), At(1)}, Expect());
  clock.Settle();
  answers = 0;
  registrar->Commit(
      change::Prune{
          .unreachable = unreachable, .gone = gone, .removed_frameworks = {FrameworkId("f")}},
      Expect());
  clock.Settle();
  EXPECT_EQ(answers, 1);
  EXPECT_THAT(Recover()->removed_frameworks, IsEmpty());
  EXPECT_THAT(Recover()->unreachable, IsEmpty());
  EXPECT_THAT(Recover()->gone, ElementsAre(Pair(AgentId("kept"), At(1))));
}

// A deposed leader cannot write. It is notified once and must end.
TEST_F(StoreRegistrarTest, ADeposedLeadersWriteFailsAndIsReported) {
  storage::MemoryStore next(Poster(), data);
  next.Fence([](const Result<uint64_t>& epoch) { ASSERT_TRUE(epoch); });
  clock.Settle();
  std::vector<Code> outcomes;
  for (const char* id : {"a", "b"}) {
    registrar->Commit(change::PutAgent{Info(id)}, [&](const Status& s) {
      ASSERT_FALSE(s);
      outcomes.push_back(s.error().code);
    });
  }
  clock.Settle();
  EXPECT_THAT(outcomes, ElementsAre(Code::kUnavailable, Code::kUnavailable))
      << "the next leader may do what this one could not";
  EXPECT_EQ(losses.size(), 1u);
  Lead();
  EXPECT_THAT(Agents(), IsEmpty());
}

TEST_F(StoreRegistrarTest, ADeposedLeaderThatHasNothingToWriteLearnsItToo) {
  clock.Advance(10 * StoreRegistrar::kProbeInterval);
  EXPECT_THAT(losses, IsEmpty());
  storage::MemoryStore next(Poster(), data);
  next.Fence([](const Result<uint64_t>& epoch) { ASSERT_TRUE(epoch); });
  clock.Advance(StoreRegistrar::kProbeInterval);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_THAT(losses[0], HasSubstr("was taken over by"));
}

TEST_F(StoreRegistrarTest, AnAgentTooLargeToWriteIsRefusedAndNothingElse) {
  Status refused;
  registrar->Commit(
      change::PutAgent{Info("a", std::string(storage::Store::kMaxValueBytes + 1, 'h'))},
      [&](Status s) { refused = std::move(s); });
  registrar->Commit(change::PutAgent{Info("b")}, Expect());
  clock.Settle();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
  EXPECT_THAT(losses, IsEmpty());
  EXPECT_THAT(Agents(), ElementsAre("b"));
}

TEST_F(StoreRegistrarTest, ADamagedRecordIsNamed) {
  Write("registry/agents/a", "\xff\xff not a record");
  const auto registry = Recover();
  ASSERT_FALSE(registry);
  EXPECT_THAT(registry.error().message, HasSubstr("'registry/agents/a'"));
}

TEST_F(StoreRegistrarTest, ARecordOfANewerVersionIsNotIgnored) {
  Write("registry/moons/a", "x");
  const auto registry = Recover();
  ASSERT_FALSE(registry);
  EXPECT_THAT(registry.error().message, HasSubstr("newer"));
}

TEST_F(StoreRegistrarTest, EntriesAreDescribedToPeople) {
  registrar->Commit(change::PutAgent{Info("a", "rack1")}, Expect());
  registrar->Commit(change::MarkUnreachable{AgentId("b"), At(7)}, Expect());
  registrar->Commit(change::RemoveFramework{FrameworkId("f"), At(8)}, Expect());
  clock.Settle();
  std::vector<std::string> described;
  store->Load("registry/", [&](const Result<std::vector<storage::Entry>>& entries) {
    for (const auto& entry : *entries) described.push_back(*DescribeRegistryEntry(entry));
  });
  clock.Settle();
  EXPECT_THAT(described, ::testing::UnorderedElementsAre(HasSubstr("rack1"),
                                                         "unreachable since 1970-01-01T00:00:07Z",
                                                         "removed since 1970-01-01T00:00:08Z"));
  EXPECT_FALSE(DescribeRegistryEntry({.key = "other/key", .value = ""}));
}

TEST_F(StoreRegistrarTest, AnswersAfterItsEndAreIgnored) {
  registrar->Commit(change::PutAgent{Info("a")}, Expect());
  registrar.reset();
  clock.Settle();
  EXPECT_EQ(answers, 0);
}

}  // namespace
}  // namespace tepui::master
