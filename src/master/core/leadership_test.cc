// SPDX-License-Identifier: Apache-2.0
#include "master/core/leadership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "master/core/master_harness.h"
#include "storage/memory/memory_store.h"

namespace tepui::master {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A store that holds its answers back until Release().
class SlowStore final : public storage::Store {
 public:
  explicit SlowStore(storage::Store& store) : store_(store) {}
  void Fence(Fenced done) override { store_.Fence(Hold(std::move(done))); }
  void Load(std::string prefix, Loaded done) override {
    store_.Load(std::move(prefix), Hold(std::move(done)));
  }
  void Commit(storage::Batch batch, Done done) override {
    store_.Commit(std::move(batch), Hold(std::move(done)));
  }
  void Release() {
    held = false;
    for (auto& answer : std::exchange(answers_, {})) answer();
  }
  bool held = false;

 private:
  template <class Result>
  std::move_only_function<void(Result)> Hold(std::move_only_function<void(Result)> done) {
    return [this, done = std::move(done)](Result result) mutable {
      if (!held) return done(std::move(result));
      answers_.push_back([done = std::move(done), result = std::move(result)]() mutable {
        done(std::move(result));
      });
    };
  }
  storage::Store& store_;
  std::deque<std::move_only_function<void()>> answers_;
};

class LeadershipTest : public ::testing::Test {
 protected:
  void Lead() {
    leadership.emplace(
        MasterHarness::DefaultOptions(), RegistryTimeouts(),
        Leadership::Parts{clock, random, links, store, sink}, [this] { leads = true; },
        [this](const Error& why) { ends.push_back(why.message); });
  }
  tepui::Poster Poster() {
    return [this](std::move_only_function<void()> work) {
      clock.After(Duration::zero(), std::move(work));
    };
  }
  // Subscribes a new agent; returns true if it got a success by now.
  bool Join() {
    auto joined = std::make_shared<bool>(false);
    leadership->master()->OnAgentSubscribe(7, "s", {}, MasterHarness::Machine(),
                                           [joined](const Status& s) { *joined = s.has_value(); });
    clock.Settle();
    return *joined;
  }

  VirtualClock clock;
  SeededRandom random{1};
  RecordingLinks links;
  RecordingSink sink;
  std::shared_ptr<storage::MemoryData> data = std::make_shared<storage::MemoryData>();
  storage::MemoryStore memory{Poster(), data};
  SlowStore store{memory};
  bool leads = false;
  std::vector<std::string> ends;
  std::optional<Leadership> leadership;
};

TEST_F(LeadershipTest, LeadsOnceTheRegistryIsRecovered) {
  store.held = true;
  Lead();
  clock.Settle();
  EXPECT_EQ(leadership->master(), nullptr);
  store.Release();
  clock.Settle();
  EXPECT_TRUE(leads);
  ASSERT_NE(leadership->master(), nullptr);
  EXPECT_TRUE(Join());
  EXPECT_THAT(ends, IsEmpty());
}

TEST_F(LeadershipTest, TheNextLeaderKnowsTheAgents) {
  Lead();
  clock.Settle();
  ASSERT_TRUE(Join());
  leadership.reset();
  leads = false;
  Lead();
  clock.Settle();
  ASSERT_TRUE(leads);
  // The agent does not come back in time, so it becomes unreachable.
  clock.Advance(minutes(11));
  EXPECT_EQ(data->records.size(), 1u);
  EXPECT_EQ(data->records.begin()->first, "registry/unreachable/m-S0");
}

TEST_F(LeadershipTest, EndsIfTheRegistryIsNotThereInTime) {
  store.held = true;
  Lead();
  clock.Advance(minutes(1));
  EXPECT_THAT(ends, ElementsAre(HasSubstr("--registry_fetch_timeout")));
  store.Release();
  clock.Settle();
  EXPECT_FALSE(leads);
}

TEST_F(LeadershipTest, EndsIfTheRegistryCannotBeRead) {
  data->records["registry/agents/a"] = {.value = "\xff", .version = 1};
  Lead();
  clock.Settle();
  EXPECT_THAT(ends, ElementsAre(HasSubstr("'registry/agents/a'")));
  EXPECT_FALSE(leads);
}

TEST_F(LeadershipTest, EndsIfAChangeIsNotWrittenInTime) {
  Lead();
  clock.Settle();
  store.held = true;
  EXPECT_FALSE(Join());
  clock.Advance(seconds(20));
  EXPECT_THAT(ends, ElementsAre(HasSubstr("--registry_store_timeout")));
  EXPECT_EQ(leadership->master(), nullptr);
}

TEST_F(LeadershipTest, EndsWhenAnotherMasterTookOver) {
  Lead();
  clock.Settle();
  storage::MemoryStore next(Poster(), data);
  next.Fence([](const Result<uint64_t>& epoch) { ASSERT_TRUE(epoch); });
  clock.Settle();
  EXPECT_FALSE(Join());
  EXPECT_EQ(ends.size(), 1u);
  EXPECT_THAT(data->records, IsEmpty());
}

TEST_F(LeadershipTest, AnswersAfterItsEndAreIgnored) {
  store.held = true;
  Lead();
  clock.Settle();
  leadership.reset();
  store.Release();
  clock.Advance(minutes(2));
  EXPECT_FALSE(leads);
  EXPECT_THAT(ends, IsEmpty());
}

}  // namespace
}  // namespace tepui::master
