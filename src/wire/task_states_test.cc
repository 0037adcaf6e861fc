// SPDX-License-Identifier: Apache-2.0
#include "wire/task_states.h"

#include <gtest/gtest.h>

#include <string>

namespace tepui::wire {
namespace {

using mesos::v1::Task;
using mesos::v1::TaskState;
using mesos::v1::TaskStatus;

TaskStatus StatusOf(TaskState state, const std::string& message) {
  TaskStatus status;
  status.mutable_task_id()->set_value("t");
  status.set_state(state);
  status.set_message(message);
  status.set_data("what the executor attached");
  return status;
}

TEST(History, HoldsTheNewestOfEachRunOfStates) {
  Task task;
  AddToHistory(StatusOf(mesos::v1::TASK_STARTING, "1"), &task);
  AddToHistory(StatusOf(mesos::v1::TASK_RUNNING, "2"), &task);
  AddToHistory(StatusOf(mesos::v1::TASK_RUNNING, "3"), &task);
  ASSERT_EQ(task.statuses_size(), 2);
  EXPECT_EQ(task.statuses(1).message(), "3");
  EXPECT_FALSE(task.statuses(1).has_data());
}

TEST(History, HasItsBounds) {
  Task many;
  for (int i = 0; i < 1000; ++i) {
    const TaskState state = i % 2 == 0 ? mesos::v1::TASK_STARTING : mesos::v1::TASK_RUNNING;
    AddToHistory(StatusOf(state, std::to_string(i)), &many);
  }
  EXPECT_EQ(many.statuses_size(), 64);
  EXPECT_EQ(many.statuses(63).message(), "999");

  Task large;
  for (int i = 0; i < 10; ++i) {
    const TaskState state = i % 2 == 0 ? mesos::v1::TASK_STARTING : mesos::v1::TASK_RUNNING;
    AddToHistory(StatusOf(state, std::string(30 << 10, 'x')), &large);
  }
  EXPECT_EQ(large.statuses_size(), 2);
  AddToHistory(StatusOf(mesos::v1::TASK_STARTING, std::string(1 << 20, 'y')), &large);
  ASSERT_EQ(large.statuses_size(), 1) << "the newest stays whatever it takes";
  EXPECT_EQ(large.statuses(0).state(), mesos::v1::TASK_STARTING);
}

}  // namespace
}  // namespace tepui::wire
