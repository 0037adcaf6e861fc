// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/history.h"

#include <gmock/gmock.h>

#include "agent/testing/agent_fixture.h"

namespace tepui::agent {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class HistoryTest : public CheckpointedTest {
 protected:
  void Finish(const v1::TaskInfo& task) {
    Run(task);
    containerizer.Start();
    containerizer.End(Exited(0));
    Take();
  }
  void Finish(const std::string& task) { Finish(Task(task)); }
  std::vector<std::string> Saved() const {
    std::vector<std::string> keys = SavedKeys();
    std::erase_if(keys, [](const std::string& key) { return !key.starts_with("completed/"); });
    return keys;
  }
  // Runs a custom executor with the task.
  void RunCustom(const v1::TaskInfo& task) {
    Run(task);
    Take();
    containerizer.Start();
    ASSERT_TRUE(Subscribe(1, MakeCall(ExecutorCall::SUBSCRIBE)));
    Take();
  }
  // Returns the ids of the tasks of a framework's completed executors.
  static std::vector<std::string> Tasks(const FrameworkState& framework) {
    std::vector<std::string> ids;
    for (const auto& executor : framework.completed_executors) {
      for (const auto* tasks : {&executor.completed, &executor.terminated}) {
        for (const v1::Task& task : *tasks) ids.push_back(task.task_id().value());
      }
    }
    return ids;
  }
  std::vector<std::string> CompletedFrameworks() const {
    std::vector<std::string> ids;
    const auto state = agent->Snapshot();
    for (const auto& completed : state->completed_frameworks) {
      ids.push_back(completed.info.id().value());
    }
    return ids;
  }
};

// The bounds are 50 frameworks and 150 executors of each (reference 2.7).
TEST_F(HistoryTest, IsBoundedAlsoWhereItIsSaved) {
  Register();
  for (int i = 0; i < 160; ++i) Finish("t" + std::to_string(i));
  ASSERT_THAT(agent->Snapshot()->completed_frameworks, SizeIs(1))
      << "one framework, coming and going";
  EXPECT_THAT(Tasks(agent->Snapshot()->completed_frameworks[0]), SizeIs(150));
  EXPECT_THAT(Saved(), SizeIs(150));
  for (int i = 0; i < 60; ++i) {
    framework.mutable_id()->set_value("F" + std::to_string(100 + i));
    Finish("t");
  }
  EXPECT_THAT(agent->Snapshot()->completed_frameworks, SizeIs(50));
  EXPECT_THAT(Saved(), SizeIs(50)) << "with the first framework went its executors";
}

TEST_F(HistoryTest, OutlastsARestart) {
  Register();
  v1::TaskInfo with_data = CustomTask("custom");
  with_data.mutable_executor()->set_data("much of it");
  RunCustom(with_data);
  Call(Update("custom", v1::TASK_FINISHED));
  Take();
  containerizer.End(Exited(0));
  Take();
  Finish("command");
  framework.mutable_id()->set_value("F2");
  Finish("other");
  const auto before = agent->Snapshot();
  RestartAndRegister();
  const auto after = agent->Snapshot();

  EXPECT_THAT(CompletedFrameworks(), ElementsAre(kFramework, "F2"));
  EXPECT_THAT(Tasks(after->completed_frameworks[0]), ElementsAre("custom", "command"));
  for (size_t i = 0; i < 2; ++i) {
    const auto& was = before->completed_frameworks[0].completed_executors[i];
    const auto& is = after->completed_frameworks[0].completed_executors[i];
    EXPECT_EQ(is.info.executor_id().value(), was.info.executor_id().value());
    EXPECT_EQ(is.container, was.container);
    EXPECT_EQ(is.directory, was.directory);
    EXPECT_EQ(is.command_executor, was.command_executor);
    ASSERT_THAT(is.completed, SizeIs(1));
    EXPECT_EQ(is.completed[0].SerializeAsString(), was.completed[0].SerializeAsString());
    EXPECT_FALSE(is.info.has_data()) << "nobody looks at it";
  }
  // They are reported to a new master as well.
  ASSERT_EQ(links.subscriptions.back().completed_frameworks_size(), 2);
  EXPECT_EQ(links.subscriptions.back().completed_frameworks(1).tasks_size(), 2);

  Finish("later");
  RestartAndRegister();
  EXPECT_THAT(CompletedFrameworks(), ElementsAre(kFramework, "F2"));
  EXPECT_THAT(Tasks(agent->Snapshot()->completed_frameworks[1]), ElementsAre("other", "later"));
}

TEST_F(HistoryTest, OfAFrameworkThatRunsGoesOnAfterARestart) {
  Register();
  Finish("first");
  Run(Task("runs"));
  containerizer.Start();
  Take();
  Finish("second");
  RestartAndRegister();
  EXPECT_THAT(CompletedFrameworks(), IsEmpty());
  ASSERT_THAT(agent->Snapshot()->frameworks, SizeIs(1));
  EXPECT_THAT(Tasks(agent->Snapshot()->frameworks[0]), ElementsAre("first", "second"));
  containerizer.End(Exited(0));
  Take();
  ASSERT_THAT(CompletedFrameworks(), ElementsAre(kFramework));
  EXPECT_THAT(Tasks(agent->Snapshot()->completed_frameworks[0]),
              ElementsAre("first", "second", "runs"));
}

TEST_F(HistoryTest, TheFrameworkThatEndedLastIsTheNewestAlsoAfterARestart) {
  Register();
  for (const char* id : {"F1", "F2", "F1"}) {
    framework.mutable_id()->set_value(id);
    Finish("t");
  }
  EXPECT_THAT(CompletedFrameworks(), ElementsAre("F2", "F1"));
  RestartAndRegister();
  EXPECT_THAT(CompletedFrameworks(), ElementsAre("F2", "F1"));
}

TEST_F(HistoryTest, OfAFrameworkWithoutCheckpointEndsWithTheAgent) {
  framework.set_checkpoint(false);
  Register();
  Finish("t1");
  EXPECT_THAT(CompletedFrameworks(), SizeIs(1));
  EXPECT_THAT(Saved(), IsEmpty());
  RestartAndRegister();
  EXPECT_THAT(CompletedFrameworks(), IsEmpty());
}

TEST_F(HistoryTest, IsNotThatOfTheAgentThatWasThereBefore) {
  Register();
  Finish("t1");
  EXPECT_THAT(Saved(), SizeIs(1));
  options.boot_id = "b2";
  options.info.set_hostname("other");
  RestartAndRegister();
  clock.Settle();
  EXPECT_THAT(CompletedFrameworks(), IsEmpty());
  EXPECT_THAT(Saved(), IsEmpty());
}

// A master limits the size of a body. A long history must neither keep the agent from registering
// nor fill the disk.
TEST_F(HistoryTest, OfLargeTasksIsReportedButNotSaved) {
  Register();
  for (int i = 0; i < 30; ++i) {
    v1::TaskInfo task = Task("t" + std::to_string(i));
    task.mutable_labels()->add_labels()->set_key(std::string(1 << 20, 'k'));
    Finish(task);
  }
  EXPECT_THAT(Saved(), IsEmpty());
  agent->OnMasterDisconnected("reset");
  clock.Advance(seconds(1));
  ASSERT_EQ(links.subscriptions.size(), 2u);
  const link::Call::Subscribe& subscribe = links.subscriptions[1];
  ASSERT_EQ(subscribe.completed_frameworks_size(), 1);
  v1::Task newest;
  ASSERT_TRUE(newest.ParseFromString(subscribe.completed_frameworks(0).tasks(0)));
  EXPECT_EQ(newest.name(), "t29");
  EXPECT_GT(subscribe.completed_frameworks(0).tasks_size(), 1);
  EXPECT_LT(subscribe.ByteSizeLong(), size_t{9} << 20);
}

TEST_F(HistoryTest, ARecordKeepsTheNewestTasksOfAnExecutor) {
  Register();
  RunCustom(CustomTask("t0"));
  for (int i = 0; i < 50; ++i) {
    v1::TaskInfo task = CustomTask("t" + std::to_string(i));
    task.mutable_labels()->add_labels()->set_key(std::string(10 << 10, 'k'));
    if (i > 0) Run(task, false);
    Take();
    EXPECT_TRUE(Call(Update("t" + std::to_string(i), v1::TASK_FINISHED)));
    Take();
  }
  containerizer.End(Exited(0));
  Take();
  ASSERT_THAT(Saved(), SizeIs(1));
  RestartAndRegister();
  EXPECT_THAT(Tasks(agent->Snapshot()->completed_frameworks[0]),
              ElementsAre("t44", "t45", "t46", "t47", "t48", "t49"));
  EXPECT_LT(saved->records.at(Saved().front()).value.size(), size_t{64} << 10);
}

}  // namespace
}  // namespace tepui::agent
