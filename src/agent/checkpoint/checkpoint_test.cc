// SPDX-License-Identifier: Apache-2.0
#include "agent/checkpoint/checkpoint.h"

#include <gmock/gmock.h>

#include "base/virtual_clock.h"
#include "storage/memory/memory_store.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Accepts batches, and answers when the test demands it.
class SlowStore final : public storage::Store {
 public:
  void TakeOver(TakenOver) override {}
  void Load(std::string, Loaded) override {}
  void Commit(storage::Batch batch, Done done) override {
    batches.push_back(std::move(batch));
    answers.push_back(std::move(done));
  }
  void Answer(Status status = {}) { std::exchange(answers, {}).at(0)(std::move(status)); }

  std::vector<storage::Batch> batches;
  std::vector<Done> answers;
};

class CheckpointTest : public ::testing::Test {
 protected:
  static v1::TaskStatus Status(v1::TaskState state) {
    v1::TaskStatus status;
    status.mutable_task_id()->set_value("t");
    status.set_state(state);
    return status;
  }
  void Save(const std::string& word) {
    checkpoint.WhenSaved([this, word] { saved.push_back(word); });
  }

  const TaskKey key{ContainerId("c"), 1};
  VirtualClock clock;
  SlowStore store;
  std::vector<Error> lost;
  std::vector<std::string> saved;
  Checkpoint checkpoint{clock, store, [this](const Error& error) { lost.push_back(error); }};
};

TEST_F(CheckpointTest, WhatIsSavedIsToldInOrder) {
  Save("nothing");
  EXPECT_THAT(saved, ElementsAre("nothing")) << "there is nothing to wait for";
  checkpoint.AddStatus(key, Status(v1::TASK_STARTING));
  Save("first");
  clock.Settle();
  checkpoint.AddStatus(key, Status(v1::TASK_RUNNING));
  Save("second");
  EXPECT_THAT(saved, SizeIs(1));
  store.Answer();
  EXPECT_THAT(saved, ElementsAre("nothing", "first")) << "the second went into the next batch";
  store.Answer();
  EXPECT_THAT(saved, ElementsAre("nothing", "first", "second"));
}

// The records of launches that arrive together are flushed once.
TEST_F(CheckpointTest, WhatIsWrittenInOneTurnIsOneBatch) {
  checkpoint.AddStatus(key, Status(v1::TASK_STARTING));
  checkpoint.AddStatus(TaskKey{ContainerId("d"), 1}, Status(v1::TASK_STARTING));
  EXPECT_THAT(store.batches, IsEmpty());
  clock.Settle();
  ASSERT_THAT(store.batches, SizeIs(1));
  EXPECT_THAT(store.batches[0], SizeIs(2));
}

// This holds however fast statuses come and however slow the disk is.
TEST_F(CheckpointTest, WhatWaitsIsNoMoreThanThereIsToKnow) {
  const uint64_t number = checkpoint.AddStatus(key, Status(v1::TASK_RUNNING));
  clock.Settle();
  for (int i = 0; i < 1'000; ++i) checkpoint.ReplaceStatus(key, number, Status(v1::TASK_RUNNING));
  checkpoint.ReplaceStatus(key, number, Status(v1::TASK_FAILED));
  ASSERT_THAT(store.batches, SizeIs(1));
  store.Answer();
  ASSERT_THAT(store.batches, SizeIs(2));
  ASSERT_THAT(store.batches[1], SizeIs(1));
  checkpoint::Status record;
  ASSERT_TRUE(record.ParseFromString(*store.batches[1][0].value));
  EXPECT_EQ(record.status().state(), v1::TASK_FAILED);
}

TEST_F(CheckpointTest, OfAcknowledgedStatusesTheNewestAreKept) {
  checkpoint::Task task;
  task.mutable_info()->set_name("t");
  task.mutable_info()->mutable_task_id()->set_value("t");
  task.mutable_info()->mutable_agent_id()->set_value("a");
  task.set_delivery(1);
  checkpoint.SaveTasks({{key, task}});
  clock.Settle();
  for (int i = 0; i < 5; ++i) {
    const uint64_t number = checkpoint.AddStatus(key, Status(v1::TASK_RUNNING));
    checkpoint.AcknowledgeStatus(key, number, Status(v1::TASK_RUNNING), 2);
  }
  checkpoint.RemoveTask(key);
  store.Answer();
  std::vector<std::string> removed;
  for (const storage::Write& write : store.batches[1]) {
    EXPECT_FALSE(write.value);
    removed.push_back(write.key);
  }
  EXPECT_THAT(removed,
              testing::UnorderedElementsAre(StatusKey(key, 1), StatusKey(key, 2), StatusKey(key, 3),
                                            StatusKey(key, 4), StatusKey(key, 5), ToString(key)));
}

TEST_F(CheckpointTest, NothingIsSavedAnyMoreOnceTheStoreIsLost) {
  checkpoint.AddStatus(key, Status(v1::TASK_RUNNING));
  Save("first");
  clock.Settle();
  store.Answer(Fail(Code::kUnavailable, "the disk is full"));
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_THAT(lost[0].message, HasSubstr("the disk is full"));
  checkpoint.AddStatus(key, Status(v1::TASK_FAILED));
  Save("second");
  EXPECT_THAT(saved, IsEmpty());
  EXPECT_THAT(store.batches, SizeIs(1));
}

// Whatever a store holds, the usable records are used and the others are named.
TEST(ReadCheckpointTest, NamesWhatCannotBeUsed) {
  const std::string garbage("\xff\xfe\x00\x01", 4);
  const std::vector<std::string> keys = {"agent",
                                         "executors/c",
                                         "executors/",
                                         "frameworks/0000000000000001",
                                         "frameworks/one",
                                         "operations/00",
                                         "resources",
                                         "statuses/c/0000000000000001/0000000000000001",
                                         "statuses/c/1/1",
                                         "statuses",
                                         "tasks/c/0000000000000001",
                                         "tasks/c",
                                         "unknown"};
  std::vector<storage::Entry> entries;
  for (const std::string& key : keys) entries.push_back({key, garbage, 1});
  const Saved saved = ReadCheckpoint(entries);
  std::vector<std::string> named;
  for (const Saved::Problem& problem : saved.problems) {
    named.push_back(problem.key);
    EXPECT_THAT(problem.message, HasSubstr("'" + problem.key + "'"));
  }
  EXPECT_THAT(named, testing::UnorderedElementsAreArray(keys));
  EXPECT_FALSE(saved.agent);
  EXPECT_THAT(saved.executors, IsEmpty());
}

}  // namespace
}  // namespace tepui::agent
