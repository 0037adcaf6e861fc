// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/status_updates.h"

#include <gmock/gmock.h>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using testing::ElementsAre;

// Reference 2.7.
class StatusUpdatesTest : public ::testing::Test {
 protected:
  static v1::TaskStatus Status(v1::TaskState state, const std::string& uuid) {
    v1::TaskStatus status;
    status.mutable_task_id()->set_value("t");
    status.set_state(state);
    status.set_uuid(uuid);
    return status;
  }
  bool Acknowledge(const std::string& uuid) {
    return updates.Acknowledge(kFramework, TaskId("t"), uuid);
  }
  std::vector<std::string> Sent() { return std::exchange(sent, {}); }

  const FrameworkId kFramework{"f"};
  Options options;
  VirtualClock clock;
  SeededRandom random{1};
  FakeLinks links;
  FakeContainerizer containerizer;
  FakeProber prober;
  FakeDisk disk;
  storage::MemoryStore store{[this](auto work) { clock.After(Duration::zero(), std::move(work)); }};
  Checkpoint checkpoint{clock, store, [](const Error& error) { ADD_FAILURE() << error.message; }};
  Services services{options, clock, random, links, containerizer, prober, disk, checkpoint};
  std::vector<std::string> sent;
  std::vector<std::string> closed;
  v1::TaskState latest = v1::TASK_STAGING;
  StatusUpdates updates{
      services,
      [this](const FrameworkId&, const v1::TaskStatus& status, v1::TaskState newest) {
        sent.push_back(status.uuid());
        latest = newest;
      },
      [this](const FrameworkId&, const TaskId& task) { closed.push_back(task.value()); }};
};

TEST_F(StatusUpdatesTest, OneAtATimeInOrder) {
  updates.Resume();
  updates.Update(kFramework, Status(v1::TASK_STARTING, "a"), std::nullopt);
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "b"), std::nullopt);
  updates.Update(kFramework, Status(v1::TASK_FINISHED, "c"), std::nullopt);
  EXPECT_THAT(Sent(), ElementsAre("a"));
  EXPECT_FALSE(Acknowledge("b"));
  EXPECT_TRUE(Acknowledge("a"));
  EXPECT_THAT(Sent(), ElementsAre("b"));
  EXPECT_EQ(latest, v1::TASK_FINISHED) << "the master may release the resources";
  EXPECT_FALSE(Acknowledge("a"));
  EXPECT_TRUE(Acknowledge("b"));
  EXPECT_TRUE(Acknowledge("c"));
  EXPECT_THAT(std::exchange(closed, {}), ElementsAre("t"));
  EXPECT_EQ(updates.streams(), 0u);
}

TEST_F(StatusUpdatesTest, RetriesWithDoublingIntervals) {
  updates.Resume();
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "a"), std::nullopt);
  Sent();
  for (const int wait : {10, 20, 40, 80, 160, 320, 600, 600}) {
    clock.Advance(seconds(wait) - Duration(1));
    EXPECT_TRUE(Sent().empty());
    clock.Advance(Duration(1));
    EXPECT_THAT(Sent(), ElementsAre("a"));
  }
  Acknowledge("a");
  clock.Advance(std::chrono::hours(1));
  EXPECT_TRUE(Sent().empty());
  // The next status starts with short intervals again.
  updates.Update(kFramework, Status(v1::TASK_FINISHED, "b"), std::nullopt);
  clock.Advance(seconds(10));
  EXPECT_THAT(Sent(), ElementsAre("b", "b"));
}

TEST_F(StatusUpdatesTest, PausesWithoutMaster) {
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "a"), std::nullopt);
  EXPECT_TRUE(Sent().empty());
  updates.Resume();
  EXPECT_THAT(Sent(), ElementsAre("a"));
  updates.Pause();
  clock.Advance(minutes(10));
  EXPECT_TRUE(Sent().empty());
  updates.Resume();
  EXPECT_THAT(Sent(), ElementsAre("a"));
}

TEST_F(StatusUpdatesTest, DropsDuplicatesAndWhatFollowsTheEnd) {
  updates.Resume();
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "a"), std::nullopt);
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "a"), std::nullopt);
  Acknowledge("a");
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "a"), std::nullopt);
  EXPECT_THAT(Sent(), ElementsAre("a"));
  updates.Update(kFramework, Status(v1::TASK_FAILED, "b"), std::nullopt);
  updates.Update(kFramework, Status(v1::TASK_KILLED, "c"), std::nullopt);
  EXPECT_TRUE(Acknowledge("b"));
  EXPECT_THAT(std::exchange(closed, {}), ElementsAre("t"));
  EXPECT_THAT(Sent(), ElementsAre("b"));
}

TEST_F(StatusUpdatesTest, ASilentSchedulerCostsBoundedMemory) {
  updates.Resume();
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "first"), std::nullopt);
  for (int i = 0; i < 100'000; ++i) {
    updates.Update(kFramework, Status(v1::TASK_RUNNING, std::to_string(i)), std::nullopt);
  }
  updates.Update(kFramework, Status(v1::TASK_FAILED, "last"), std::nullopt);
  size_t count = 0;
  std::vector<std::string> now = Sent();
  std::string newest;
  for (; !now.empty(); now = Sent()) {
    ASSERT_EQ(now.size(), 1u);
    newest = now[0];
    ++count;
    Acknowledge(newest);
  }
  EXPECT_EQ(newest, "last");
  EXPECT_LE(count, 100u);
  EXPECT_EQ(updates.streams(), 0u);
}

TEST_F(StatusUpdatesTest, ForgetsAFramework) {
  updates.Resume();
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "a"), std::nullopt);
  updates.Forget(kFramework);
  Sent();
  clock.Advance(minutes(10));
  EXPECT_TRUE(Sent().empty());
  EXPECT_FALSE(Acknowledge("a"));
}

TEST_F(StatusUpdatesTest, ANewSchedulerHearsAtOnce) {
  updates.Resume();
  updates.Update(kFramework, Status(v1::TASK_RUNNING, "a"), std::nullopt);
  Sent();
  updates.Resend(kFramework);
  EXPECT_THAT(Sent(), ElementsAre("a"));
  updates.Resend(FrameworkId("other"));
  EXPECT_TRUE(Sent().empty());
}

}  // namespace
}  // namespace tepui::agent
