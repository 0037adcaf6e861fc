// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/simulated_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/nodes/recording_observer.h"
#include "sim/nodes/registry.h"

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

class SimulatedStoreTest : public testing::Test {
 protected:
  void SetUp() override { Boot(); }

  // A process with a store that has taken over.
  void Boot(uint64_t seed = 1) {
    store_.reset();
    process_.emplace(world_, "master");
    store_.emplace(*process_, "master-0", registry_, behaviour_, SeededRandom(seed));
    store_->Fence([](const Result<uint64_t>& epoch) { EXPECT_TRUE(epoch); });
    world_.clock().Advance(seconds(1));
    observer_.committed.clear();
    answers_.clear();
  }

  void Admit(const std::string& agent) {
    store_->Commit({{.key = "registry/agents/" + agent, .value = "x"}}, Say(agent));
  }

  storage::Store::Done Say(std::string word) {
    return [this, word = std::move(word)](const Status& status) {
      answers_.push_back(word + (status ? " ok" : ": " + status.error().message));
    };
  }

  bool Stored(const std::string& agent) {
    return registry_.Find(agent) == Registry::Standing::kAdmitted;
  }

  World world_{1, /*keep_trace=*/false};
  RecordingObserver observer_;
  Registry registry_{world_, observer_};
  StoreBehaviour behaviour_;
  std::optional<Process> process_;
  std::optional<SimulatedStore> store_;
  std::vector<std::string> answers_;
};

TEST_F(SimulatedStoreTest, CallsTakeEffectInOrderAndAreAnsweredAfterwards) {
  Admit("a");
  Admit("b");
  store_->Load("registry/", [this](const Result<std::vector<storage::Entry>>& entries) {
    ASSERT_TRUE(entries);
    answers_.push_back(fmt::format("{} entries", entries->size()));
  });
  Admit("c");
  EXPECT_FALSE(Stored("a"));  // Nothing takes effect from inside the call.
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(observer_.committed, ElementsAre("1 admit a", "1 admit b", "1 admit c"));
  EXPECT_THAT(answers_, ElementsAre("a ok", "b ok", "2 entries", "c ok"));
}

TEST_F(SimulatedStoreTest, WhatIsAskedMeanwhileTakesEffectTogether) {
  Admit("a");
  while (!Stored("a")) ASSERT_TRUE(world_.clock().Step());
  Admit("b");
  Admit("c");
  while (!Stored("b")) ASSERT_TRUE(world_.clock().Step());
  EXPECT_TRUE(Stored("c"));
  EXPECT_THAT(answers_, ElementsAre("a ok"));
}

TEST_F(SimulatedStoreTest, ASlowStoreTakesItsTime) {
  behaviour_.min_delay = seconds(1);
  behaviour_.max_delay = seconds(2);
  Admit("a");
  world_.clock().Advance(milliseconds(999));
  EXPECT_FALSE(Stored("a"));
  world_.clock().Advance(milliseconds(1001));
  EXPECT_TRUE(Stored("a"));
  EXPECT_THAT(answers_, IsEmpty());
  world_.clock().Advance(seconds(2));
  EXPECT_THAT(answers_, ElementsAre("a ok"));
}

TEST_F(SimulatedStoreTest, WhatHasNotTakenEffectAtTheEndIsLostAndWhatHasStays) {
  Admit("lost");
  process_->Kill();
  world_.clock().Advance(seconds(1));
  EXPECT_FALSE(Stored("lost"));

  Boot();
  Admit("torn");
  while (!Stored("torn")) ASSERT_TRUE(world_.clock().Step());
  process_->Kill();
  store_.reset();
  world_.clock().Advance(seconds(1));
  EXPECT_TRUE(Stored("torn"));
  EXPECT_THAT(answers_, IsEmpty());
}

TEST_F(SimulatedStoreTest, AFailingStoreMayHaveDoneTheFirstOfWhatItWasAskedAndIsLost) {
  std::set<size_t> done;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Boot(seed);
    behaviour_.fails = true;
    for (const char* agent : {"a", "b", "c"}) Admit(fmt::format("{}-{}", agent, seed));
    world_.clock().Advance(seconds(1));
    behaviour_.fails = false;
    Admit("later");
    world_.clock().Advance(seconds(1));
    EXPECT_THAT(answers_, SizeIs(4));
    EXPECT_THAT(answers_, testing::Each(HasSubstr(": The store failed")));
    for (size_t i = 0; i < observer_.committed.size(); ++i) {
      EXPECT_THAT(observer_.committed[i], HasSubstr(fmt::format("admit {:c}-", 'a' + i)));
    }
    done.insert(observer_.committed.size());
  }
  EXPECT_THAT(done, ElementsAre(0, 1, 2, 3));  // None, some or all of a group.
  EXPECT_FALSE(Stored("later"));
}

TEST_F(SimulatedStoreTest, ADeposedWriterFailsAtItsNextWrite) {
  Process other_process(world_, "other");
  SimulatedStore other(other_process, "master-1", registry_, behaviour_, SeededRandom(2));
  other.Fence([this](const Result<uint64_t>& epoch) {
    answers_.push_back(fmt::format("epoch {}", epoch.value()));
  });
  world_.clock().Advance(seconds(1));
  EXPECT_EQ(store_->epoch(), 1u);
  EXPECT_EQ(other.epoch(), 2u);
  Admit("a");
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(answers_, ElementsAre("epoch 2", StartsWith("a: ")));
  EXPECT_THAT(answers_[1], HasSubstr("master-1"));
  EXPECT_THAT(observer_.committed, IsEmpty());
  EXPECT_THAT(observer_.lives, ElementsAre("master-0 leads 1", "master-1 leads 2"));
}

TEST_F(SimulatedStoreTest, APauseOfTheProcessKeepsOnlyTheCallbacks) {
  Admit("a");
  process_->Pause();
  world_.clock().Advance(minutes(1));
  EXPECT_TRUE(Stored("a"));
  EXPECT_THAT(answers_, IsEmpty());
  process_->Resume();
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(answers_, ElementsAre("a ok"));
}

TEST_F(SimulatedStoreTest, ACallbackMayEndTheProcessOrDestroyTheStore) {
  store_->Commit({{.key = "k", .value = "v"}}, [this](const Status&) { process_->Kill(); });
  Admit("a");
  world_.clock().Advance(seconds(1));
  EXPECT_THAT(answers_, IsEmpty());

  Boot();
  store_->Commit({{.key = "k", .value = "v"}}, [this](const Status&) { store_.reset(); });
  Admit("b");
  world_.clock().Advance(seconds(1));
  EXPECT_FALSE(store_);
  EXPECT_THAT(answers_, IsEmpty());
}

}  // namespace
}  // namespace tepui::sim
