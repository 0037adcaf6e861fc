// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "master/registry/store_registrar.h"
#include "sim/nodes/recording_observer.h"
#include "sim/nodes/simulated_store.h"

namespace tepui::sim {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

using Standing = Registry::Standing;

mesos::v1::AgentInfo Info(const std::string& id, const std::string& hostname = "h") {
  mesos::v1::AgentInfo info;
  info.mutable_id()->set_value(id);
  info.set_hostname(hostname);
  return info;
}

// A registry that the real registrar writes.
class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    store_.Fence([](const Result<uint64_t>&) {});
    world_.clock().Advance(seconds(1));
  }

  // Forgets earlier reports and lets pending operations finish.
  void Settle() {
    observer_.committed.clear();
    world_.clock().Advance(seconds(1));
  }

  static void Expect(const Status& status) { EXPECT_TRUE(status) << status.error().message; }

  World world_{1, /*keep_trace=*/false};
  RecordingObserver observer_;
  Registry registry_{world_, observer_};
  StoreBehaviour behaviour_;
  Process process_{world_, "master"};
  SimulatedStore store_{process_, "master-0", registry_, behaviour_, SeededRandom(1)};
  master::StoreRegistrar registrar_{store_, process_, seconds(20),
                                    [](const Error& error) { FAIL() << error.message; }};
};

TEST_F(RegistryTest, ReportsWhatHappenedToAnAgentFromItsRecords) {
  EXPECT_EQ(registry_.Find("a"), std::nullopt);
  registrar_.Commit(master::change::PutAgent{Info("a")}, Expect);
  Settle();
  EXPECT_THAT(observer_.committed, ElementsAre("1 admit a"));
  EXPECT_EQ(registry_.Find("a"), Standing::kAdmitted);

  registrar_.Commit(master::change::PutAgent{Info("a", "new")}, Expect);
  Settle();
  EXPECT_THAT(observer_.committed, ElementsAre("1 update a"));

  registrar_.Commit(master::change::MarkUnreachable{AgentId("a"), world_.clock().WallNow()},
                    Expect);
  Settle();
  EXPECT_THAT(observer_.committed, ElementsAre("1 unreachable a"));
  EXPECT_EQ(registry_.Find("a"), Standing::kUnreachable);

  registrar_.Commit(master::change::MarkReachable{Info("a")}, Expect);
  Settle();
  EXPECT_THAT(observer_.committed, ElementsAre("1 reachable a"));
  EXPECT_EQ(registry_.Find("a"), Standing::kAdmitted);

  registrar_.Commit(master::change::RemoveAgent{AgentId("a")}, Expect);
  Settle();
  EXPECT_THAT(observer_.committed, ElementsAre("1 remove a"));
  EXPECT_EQ(registry_.Find("a"), Standing::kRemoved);

  registrar_.Commit(master::change::RemoveAgent{AgentId("a")}, Expect);
  Settle();
  EXPECT_THAT(observer_.committed, IsEmpty());  // The removal had no effect.
}

TEST_F(RegistryTest, RemembersGoneAgentsUntilTheyAreForgotten) {
  registrar_.Commit(master::change::PutAgent{Info("a")}, Expect);
  registrar_.Commit(master::change::PutAgent{Info("b")}, Expect);
  registrar_.Commit(master::change::MarkGone{AgentId("a"), {}}, Expect);
  registrar_.Commit(master::change::MarkUnreachable{AgentId("b"), {}}, Expect);
  Settle();
  EXPECT_THAT(observer_.committed,
              ElementsAre("1 admit a", "1 admit b", "1 gone a", "1 unreachable b"));
  EXPECT_EQ(registry_.Find("a"), Standing::kRemoved);
  registrar_.Commit(
      master::change::Prune{
          .unreachable = {AgentId("b")}, .gone = {AgentId("a")}, .removed_frameworks = {}},
      Expect);
  Settle();
  EXPECT_THAT(observer_.committed, ElementsAre("1 forget a", "1 forget b"));
  EXPECT_EQ(registry_.Find("a"), std::nullopt);
  EXPECT_EQ(registry_.Find("b"), std::nullopt);
}

TEST_F(RegistryTest, RemovedFrameworksAreReportedOnce) {
  registrar_.Commit(master::change::RemoveFramework{FrameworkId("f"), {}}, Expect);
  Settle();
  EXPECT_THAT(observer_.committed, ElementsAre("1 remove framework f"));
  EXPECT_TRUE(registry_.IsRemoved("f"));
  registrar_.Commit(master::change::RemoveFramework{FrameworkId("f"), {}}, Expect);
  registrar_.Commit(
      master::change::Prune{
          .unreachable = {}, .gone = {}, .removed_frameworks = {FrameworkId("f")}},
      Expect);
  Settle();
  EXPECT_THAT(observer_.committed, IsEmpty());
}

TEST_F(RegistryTest, RefusedWritesAreNotReported) {
  SimulatedStore next(process_, "master-1", registry_, behaviour_, SeededRandom(2));
  next.Fence([](const Result<uint64_t>&) {});
  Settle();
  store_.Commit({{.key = "registry/agents/a", .value = "x"}},
                [](const Status& status) { EXPECT_FALSE(status); });
  next.Commit({{.key = "registry/agents/b", .value = "x", .expected = 7}},
              [](const Status& status) { EXPECT_FALSE(status); });
  Settle();
  EXPECT_THAT(observer_.committed, IsEmpty());
  EXPECT_THAT(observer_.lives, ElementsAre("master-0 leads 1", "master-1 leads 2"));
}

TEST_F(RegistryTest, OtherEntriesOfTheStoreAreNotAgents) {
  store_.Commit({{.key = "registry/weights/r", .value = "x"}}, Expect);
  Settle();
  EXPECT_THAT(observer_.committed, IsEmpty());
}

}  // namespace
}  // namespace tepui::sim
