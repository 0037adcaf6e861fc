// SPDX-License-Identifier: Apache-2.0
#include "master/view/read_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tepui::master {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const FrameworkId kFramework("f");

Changes WithFramework(const FrameworkId& id = kFramework) {
  Changes changes;
  changes.frameworks.emplace_back(id, std::make_shared<FrameworkRecord>());
  return changes;
}

Changes WithTask(const std::string& id, TaskPhase phase, const std::string& name,
                 bool forgotten = false) {
  auto task = std::make_shared<v1::Task>();
  task->mutable_task_id()->set_value(id);
  task->set_name(name);
  if (forgotten) task = nullptr;
  Changes changes;
  changes.tasks.push_back(
      {.framework = kFramework, .id = TaskId(id), .record = {.phase = phase, .task = task}});
  return changes;
}

std::vector<std::string> Names(const std::map<uint64_t, std::shared_ptr<const v1::Task>>& tasks) {
  std::vector<std::string> names;
  for (const auto& [number, task] : tasks) names.push_back(task->name());
  return names;
}

struct ReadModelTest : ::testing::Test {
  ReadModelTest() { model.Apply(WithFramework()); }
  const ReadModel::Framework& framework() { return model.frameworks().at(kFramework); }
  ReadModel model;
};

TEST_F(ReadModelTest, KeepsTasksInTheOrderTheyAppeared) {
  model.Apply(WithTask("b", TaskPhase::kActive, "b1"));
  model.Apply(WithTask("a", TaskPhase::kActive, "a1"));
  model.Apply(WithTask("b", TaskPhase::kActive, "b2"));
  EXPECT_THAT(Names(framework().active), ElementsAre("b2", "a1"));
}

TEST_F(ReadModelTest, MovesTasksBetweenPhases) {
  model.Apply(WithTask("a", TaskPhase::kActive, "1"));
  model.Apply(WithTask("a", TaskPhase::kUnreachable, "2"));
  EXPECT_THAT(framework().active, IsEmpty());
  EXPECT_THAT(Names(framework().unreachable), ElementsAre("2"));
  model.Apply(WithTask("a", TaskPhase::kCompleted, "3"));
  EXPECT_THAT(framework().unreachable, IsEmpty());
  EXPECT_THAT(Names(framework().completed), ElementsAre("3"));
  EXPECT_EQ(framework().index.at(TaskId("a")).first, TaskPhase::kCompleted);
}

TEST_F(ReadModelTest, KeepsHistoryWhenAnIdIsUsedAgain) {
  model.Apply(WithTask("a", TaskPhase::kCompleted, "first"));
  model.Apply(WithTask("a", TaskPhase::kActive, "second"));
  EXPECT_THAT(Names(framework().completed), ElementsAre("first"));
  EXPECT_THAT(Names(framework().active), ElementsAre("second"));
  model.Apply(WithTask("a", TaskPhase::kCompleted, "second"));
  EXPECT_THAT(Names(framework().completed), ElementsAre("first", "second"));
  // The oldest is forgotten; the index still finds the newer one.
  model.Apply(WithTask("a", TaskPhase::kCompleted, "", true));
  EXPECT_THAT(Names(framework().completed), ElementsAre("second"));
  EXPECT_THAT(framework().index, SizeIs(1));
  model.Apply(WithTask("a", TaskPhase::kCompleted, "", true));
  EXPECT_THAT(framework().completed, IsEmpty());
  EXPECT_THAT(framework().index, IsEmpty());
}

TEST_F(ReadModelTest, ForgettingHistoryKeepsLiveTasks) {
  model.Apply(WithTask("a", TaskPhase::kCompleted, "old"));
  model.Apply(WithTask("a", TaskPhase::kActive, "new"));
  model.Apply(WithTask("a", TaskPhase::kCompleted, "", true));
  EXPECT_THAT(Names(framework().active), ElementsAre("new"));
  EXPECT_THAT(framework().completed, IsEmpty());
  EXPECT_THAT(framework().index, SizeIs(1));
  model.Apply(WithTask("a", TaskPhase::kUnreachable, "", true));  // No such task is there.
  EXPECT_THAT(framework().active, SizeIs(1));
}

TEST_F(ReadModelTest, ForgetsFrameworksWithTheirTasks) {
  model.Apply(WithTask("a", TaskPhase::kActive, "1"));
  model.Apply(WithFramework(FrameworkId("g")));
  Changes changes;
  changes.frameworks.emplace_back(kFramework, nullptr);
  changes.tasks = WithTask("a", TaskPhase::kActive, "2").tasks;  // This change is late.
  model.Apply(std::move(changes));
  EXPECT_THAT(model.framework_order(), ElementsAre(FrameworkId("g")));
  EXPECT_THAT(model.frameworks(), SizeIs(1));
}

TEST_F(ReadModelTest, KeepsAgentsInTheOrderTheyAppeared) {
  Changes changes;
  for (const char* id : {"b", "a", "b"})
    changes.agents.emplace_back(AgentId(id), std::make_shared<AgentRecord>());
  model.Apply(std::move(changes));
  EXPECT_THAT(model.agent_order(), ElementsAre(AgentId("b"), AgentId("a")));
  Changes removal;
  removal.agents.emplace_back(AgentId("b"), nullptr);
  removal.agents.emplace_back(AgentId("c"), nullptr);
  model.Apply(std::move(removal));
  EXPECT_THAT(model.agent_order(), ElementsAre(AgentId("a")));
}

TEST_F(ReadModelTest, KeepsTheLastMetrics) {
  EXPECT_THAT(model.metrics(), IsEmpty());
  Changes changes;
  changes.metrics = std::make_shared<Metrics>(Metrics{{"x", 1}});
  model.Apply(std::move(changes));
  model.Apply(Changes());
  EXPECT_THAT(model.metrics(), ElementsAre(std::pair<const std::string, double>("x", 1)));
}

}  // namespace
}  // namespace tepui::master
