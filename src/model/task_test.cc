// SPDX-License-Identifier: Apache-2.0
#include "model/task.h"

#include <gtest/gtest.h>

#include <string>

namespace tepui::model {
namespace {

using v1::Task;
using v1::TaskState;
using v1::TaskStatus;

TaskStatus StatusOf(TaskState state, const std::string& message) {
  TaskStatus status;
  status.mutable_task_id()->set_value("t");
  status.set_state(state);
  status.set_message(message);
  status.set_data("what the executor attached");
  return status;
}

v1::TaskInfo Info() {
  v1::TaskInfo info;
  info.set_name("n");
  info.mutable_task_id()->set_value("t");
  info.mutable_agent_id()->set_value("a");
  info.add_resources()->set_name("cpus");
  (*info.mutable_limits())["cpus"].set_value(2);
  info.mutable_kill_policy()->mutable_grace_period()->set_nanoseconds(7);
  return info;
}

v1::ExecutorInfo ExecutorOf(const std::string& user) {
  v1::ExecutorInfo executor;
  executor.mutable_executor_id()->set_value("e");
  executor.mutable_command()->set_user(user);
  return executor;
}

TEST(MakeTask, TakesOverWhatIsKnown) {
  const v1::ExecutorInfo executor = ExecutorOf("u");
  const Task task = MakeTask(Info(), &executor, FrameworkId("f"));
  EXPECT_EQ(task.name(), "n");
  EXPECT_EQ(task.task_id().value(), "t");
  EXPECT_EQ(task.framework_id().value(), "f");
  EXPECT_EQ(task.executor_id().value(), "e");
  EXPECT_EQ(task.agent_id().value(), "a");
  EXPECT_EQ(task.state(), v1::TASK_STAGING);
  EXPECT_EQ(task.resources_size(), 1);
  EXPECT_EQ(task.limits().at("cpus").value(), 2);
  EXPECT_EQ(task.kill_policy().grace_period().nanoseconds(), 7);
  EXPECT_FALSE(task.has_labels() || task.has_discovery() || task.has_container());
  EXPECT_FALSE(task.has_health_check());
}

// Tasks of a group do not name their executor themselves.
TEST(MakeTask, TheUserIsThatOfTheCommandOrElseOfTheExecutor) {
  v1::TaskInfo info = Info();
  const v1::ExecutorInfo executor = ExecutorOf("executor's");
  EXPECT_EQ(MakeTask(info, &executor, FrameworkId("f")).user(), "executor's");
  info.mutable_command()->set_value("true");
  EXPECT_FALSE(MakeTask(info, nullptr, FrameworkId("f")).has_user());
  EXPECT_FALSE(MakeTask(info, nullptr, FrameworkId("f")).has_executor_id());
  info.mutable_command()->set_user("task's");
  EXPECT_EQ(MakeTask(info, &executor, FrameworkId("f")).user(), "task's");
  EXPECT_EQ(MakeTask(info, nullptr, FrameworkId("f")).user(), "task's");
}

TEST(MakeStatus, HasNoUuid) {
  const TaskStatus status =
      MakeStatus(TaskStatus::SOURCE_AGENT, "t", v1::TASK_DROPPED, TaskStatus::REASON_RECONCILIATION,
                 "The task is not known to the agent");
  EXPECT_EQ(status.task_id().value(), "t");
  EXPECT_EQ(status.state(), v1::TASK_DROPPED);
  EXPECT_EQ(status.source(), TaskStatus::SOURCE_AGENT);
  EXPECT_EQ(status.reason(), TaskStatus::REASON_RECONCILIATION);
  EXPECT_EQ(status.message(), "The task is not known to the agent");
  EXPECT_FALSE(status.has_uuid() || status.has_agent_id() || status.has_timestamp());
}

TEST(History, HoldsTheNewestOfEachRunOfStates) {
  Task task;
  AddToHistory(StatusOf(v1::TASK_STARTING, "1"), &task);
  AddToHistory(StatusOf(v1::TASK_RUNNING, "2"), &task);
  AddToHistory(StatusOf(v1::TASK_RUNNING, "3"), &task);
  ASSERT_EQ(task.statuses_size(), 2);
  EXPECT_EQ(task.statuses(1).message(), "3");
  EXPECT_FALSE(task.statuses(1).has_data());
}

TEST(History, HasItsBounds) {
  Task many;
  for (int i = 0; i < 1000; ++i) {
    const TaskState state = i % 2 == 0 ? v1::TASK_STARTING : v1::TASK_RUNNING;
    AddToHistory(StatusOf(state, std::to_string(i)), &many);
  }
  EXPECT_EQ(many.statuses_size(), 64);
  EXPECT_EQ(many.statuses(63).message(), "999");

  Task large;
  for (int i = 0; i < 10; ++i) {
    const TaskState state = i % 2 == 0 ? v1::TASK_STARTING : v1::TASK_RUNNING;
    AddToHistory(StatusOf(state, std::string(30 << 10, 'x')), &large);
  }
  EXPECT_EQ(large.statuses_size(), 2);
  AddToHistory(StatusOf(v1::TASK_STARTING, std::string(1 << 20, 'y')), &large);
  ASSERT_EQ(large.statuses_size(), 1) << "the newest stays whatever it takes";
  EXPECT_EQ(large.statuses(0).state(), v1::TASK_STARTING);
}

}  // namespace
}  // namespace tepui::model
