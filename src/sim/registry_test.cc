#include "sim/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/recording_observer.h"

namespace tepui::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

using Op = Registry::Op;
using Standing = Registry::Standing;

mesos::v1::AgentInfo Info(const std::string& id, const std::string& hostname = "h") {
  mesos::v1::AgentInfo info;
  info.mutable_id()->set_value(id);
  info.set_hostname(hostname);
  return info;
}

mesos::v1::AgentID Id(const std::string& id) { return Info(id).id(); }

Registry::Write Admission(const std::string& id) {
  return {.op = Op::kAdmit, .agent = id, .info = Info(id), .when = {}};
}

class RegistryTest : public testing::Test {
 protected:
  // What `result` holds, for a short look; empty after a failure.
  static master::RecoveredRegistry Held(const Result<master::RecoveredRegistry>& result) {
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : master::RecoveredRegistry();
  }

  World world_{1, /*keep_trace=*/false};
  RecordingObserver observer_;
  Registry registry_{world_, observer_};
};

TEST_F(RegistryTest, NobodyWritesBeforeAnEpochBeginsNorAfterTheNextHas) {
  EXPECT_EQ(registry_.Commit(1, Admission("a")).error().code, Code::kConflict);
  ASSERT_TRUE(registry_.Recover(1));
  EXPECT_TRUE(registry_.Commit(1, Admission("a")));
  ASSERT_TRUE(registry_.Recover(3));
  EXPECT_EQ(registry_.Commit(1, Admission("b")).error().message,
            "The registry is in epoch 3 and takes no writes of epoch 1");
  EXPECT_TRUE(registry_.Commit(3, Admission("c")));
  EXPECT_EQ(registry_.Find("b"), std::nullopt);
  EXPECT_THAT(observer_.committed, ElementsAre("1 admit a", "3 admit c"));
}

TEST_F(RegistryTest, AnEpochThatIsOverDoesNotBegin) {
  ASSERT_TRUE(registry_.Recover(2));
  EXPECT_EQ(registry_.Recover(2).error().code, Code::kConflict);
  EXPECT_EQ(registry_.Recover(1).error().code, Code::kConflict);
  EXPECT_TRUE(registry_.Commit(2, Admission("a")));
}

TEST_F(RegistryTest, RecoversWhatWasWritten) {
  const WallTime when = world_.clock().WallNow();
  ASSERT_TRUE(registry_.Recover(1));
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    ASSERT_TRUE(registry_.Commit(1, Admission(id)));
  }
  const auto write = [&](Op op, const std::string& id) {
    return registry_.Commit(1, {.op = op, .agent = id, .info = Info(id, "new"), .when = when});
  };
  ASSERT_TRUE(write(Op::kUpdate, "a"));
  ASSERT_TRUE(write(Op::kMarkUnreachable, "b"));
  ASSERT_TRUE(write(Op::kMarkUnreachable, "c"));
  ASSERT_TRUE(write(Op::kMarkReachable, "c"));
  ASSERT_TRUE(write(Op::kRemove, "d"));
  ASSERT_TRUE(write(Op::kMarkGone, "e"));
  EXPECT_EQ(registry_.Find("a"), Standing::kAdmitted);
  EXPECT_EQ(registry_.Find("b"), Standing::kUnreachable);
  EXPECT_EQ(registry_.Find("c"), Standing::kAdmitted);
  EXPECT_EQ(registry_.Find("d"), Standing::kRemoved);
  EXPECT_EQ(registry_.Find("e"), Standing::kRemoved);

  const master::RecoveredRegistry held = Held(registry_.Recover(2));
  ASSERT_THAT(held.agents, SizeIs(2));
  EXPECT_EQ(held.agents[0].hostname(), "new");
  EXPECT_EQ(held.agents[1].id().value(), "c");
  EXPECT_THAT(held.unreachable, ElementsAre(std::pair(AgentId("b"), when)));
  EXPECT_THAT(held.gone, ElementsAre(std::pair(AgentId("e"), when)));
}

class SimulatedRegistrarTest : public RegistryTest {
 protected:
  void Boot(uint64_t seed = 1) {
    registrar_.reset();
    process_.emplace(world_, "master");
    registrar_ = std::make_unique<SimulatedRegistrar>(
        *process_, registry_, epoch_, store_, SeededRandom(seed),
        [this](const Error& error) { failures_.push_back(error.message); });
  }

  void SetUp() override {
    ASSERT_TRUE(registry_.Recover(epoch_));
    Boot();
  }

  master::Registrar::Done Say(std::string word) {
    return [this, word = std::move(word)](const Status& status) {
      answers_.push_back(word + (status ? " ok" : " " + status.error().message));
    };
  }

  uint64_t epoch_ = 1;
  StoreBehaviour store_;
  std::optional<Process> process_;
  std::unique_ptr<SimulatedRegistrar> registrar_;
  std::vector<std::string> answers_;
  std::vector<std::string> failures_;
};

TEST_F(SimulatedRegistrarTest, WritesInOrderAndAnswersAfterwards) {
  registrar_->AdmitAgent(Info("a"), Say("admit"));
  registrar_->UpdateAgent(Info("a"), Say("update"));
  registrar_->MarkUnreachable(Id("a"), {}, Say("unreachable"));
  EXPECT_THAT(observer_.committed, IsEmpty());  // Never from inside the call.
  registrar_->MarkReachable(Info("a"), Say("reachable"));
  registrar_->RemoveAgent(Id("a"), Say("remove"));
  registrar_->MarkGone(Id("b"), {}, Say("gone"));
  registrar_->Prune({AgentId("c")}, {AgentId("b")}, Say("prune"));
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(observer_.committed,
              ElementsAre("1 admit a", "1 update a", "1 unreachable a", "1 reachable a",
                          "1 remove a", "1 gone b", "1 forget c", "1 forget b"));
  EXPECT_THAT(answers_, ElementsAre("admit ok", "update ok", "unreachable ok", "reachable ok",
                                    "remove ok", "gone ok", "prune ok"));
  EXPECT_EQ(registry_.Find("b"), std::nullopt);
  EXPECT_THAT(failures_, IsEmpty());
}

TEST_F(SimulatedRegistrarTest, WhatIsAskedDuringACommitSharesTheNext) {
  registrar_->AdmitAgent(Info("a"), [this](const Status&) {
    answers_.push_back(fmt::format("{} done", observer_.committed.size()));
    registrar_->AdmitAgent(Info("d"), Say("d"));
  });
  registrar_->AdmitAgent(Info("b"), Say("b"));
  registrar_->AdmitAgent(Info("c"), Say("c"));
  while (answers_.empty()) ASSERT_TRUE(world_.clock().Step());
  EXPECT_THAT(answers_, ElementsAre("1 done"));
  const size_t batch = observer_.committed.size();
  while (observer_.committed.size() == batch) ASSERT_TRUE(world_.clock().Step());
  EXPECT_THAT(observer_.committed, SizeIs(4));
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(answers_, ElementsAre("1 done", "b ok", "c ok", "d ok"));
}

TEST_F(SimulatedRegistrarTest, ASlowStoreTakesItsTime) {
  store_.min_delay = seconds(1);
  store_.max_delay = seconds(2);
  registrar_->AdmitAgent(Info("a"), Say("a"));
  world_.clock().Advance(milliseconds(999));
  EXPECT_THAT(observer_.committed, IsEmpty());
  world_.clock().Advance(milliseconds(1001));
  EXPECT_THAT(observer_.committed, SizeIs(1));
  EXPECT_THAT(answers_, IsEmpty());
  world_.clock().Advance(seconds(2));
  EXPECT_THAT(answers_, ElementsAre("a ok"));
}

TEST_F(SimulatedRegistrarTest, WhatWasNotCommittedAtTheEndIsLostAndWhatWasStays) {
  registrar_->AdmitAgent(Info("lost"), Say("lost"));
  process_->Kill();
  registrar_.reset();
  world_.clock().Advance(seconds(1));
  EXPECT_EQ(registry_.Find("lost"), std::nullopt);

  Boot();
  registrar_->AdmitAgent(Info("torn"), Say("torn"));
  while (observer_.committed.empty()) ASSERT_TRUE(world_.clock().Step());
  process_->Kill();
  registrar_.reset();
  world_.clock().Advance(seconds(1));
  EXPECT_EQ(registry_.Find("torn"), Standing::kAdmitted);
  EXPECT_THAT(answers_, IsEmpty());
}

TEST_F(SimulatedRegistrarTest, AFailingStoreMayHaveDoneTheFirstOfTheWrites) {
  std::set<size_t> done;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Boot(seed);
    observer_.committed.clear();
    answers_.clear();
    failures_.clear();
    registrar_->AdmitAgent(Info("a"), Say("a"));
    world_.clock().Advance(seconds(1));  // Alone in the first commit.
    store_.fails = true;
    registrar_->AdmitAgent(Info("b"), Say("b"));
    registrar_->AdmitAgent(Info("c"), Say("c"));
    world_.clock().Advance(seconds(1));
    // "c" waits for a commit that does not come any more.
    EXPECT_THAT(answers_, ElementsAre("a ok", "b The store failed"));
    EXPECT_THAT(failures_, ElementsAre("The store failed"));
    done.insert(observer_.committed.size());
    store_.fails = false;
  }
  EXPECT_THAT(done, ElementsAre(1, 2));
}

TEST_F(SimulatedRegistrarTest, ADeposedLeaderIsToldAtItsNextWrite) {
  ASSERT_TRUE(registry_.Recover(2));
  registrar_->AdmitAgent(Info("a"), Say("a"));
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(answers_, ElementsAre(StartsWith("a The registry is in epoch 2")));
  EXPECT_THAT(failures_, ElementsAre(HasSubstr("epoch 2")));
  EXPECT_THAT(observer_.committed, IsEmpty());
}

TEST_F(SimulatedRegistrarTest, ACommitUnderWayDoesNotMindAPauseOfItsProcess) {
  registrar_->AdmitAgent(Info("a"), Say("a"));
  process_->Pause();
  world_.clock().Advance(minutes(1));
  EXPECT_EQ(registry_.Find("a"), Standing::kAdmitted);
  EXPECT_THAT(answers_, IsEmpty());
  ASSERT_TRUE(registry_.Recover(2));
  process_->Resume();
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(answers_, ElementsAre("a ok"));  // It was in time.
}

}  // namespace
}  // namespace tepui::sim
