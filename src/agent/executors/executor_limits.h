// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "container/demand.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::agent {

// Computes the hard limits of an executor's container from the limits of its tasks
// (reference 2.11), task by task. If a task limits a resource, the container's limit is the sum of
// the tasks' limits and of the requests of the executor and of the tasks without a limit. If a
// task's limit is infinite, the container has no limit.
class ExecutorLimits {
 public:
  using TaskLimits = google::protobuf::Map<std::string, v1::Value::Scalar>;

  explicit ExecutorLimits(const Resources& executor);

  void Add(const Resources& task, const TaskLimits& limits);
  void Remove(const Resources& task, const TaskLimits& limits);

  containers::Limits Get() const;

  friend bool operator==(const ExecutorLimits&, const ExecutorLimits&) = default;

 private:
  struct Sum {
    ResourceName name;
    Amount requested;  // Requests of the executor, and of tasks that have no limit.
    Amount limited{};  // Finite limits.
    int64_t limits = 0;
    int64_t infinite = 0;
    friend bool operator==(const Sum&, const Sum&) = default;
  };
  static void Count(Sum& sum, const Resources& task, const TaskLimits& limits, int64_t sign);

  Sum cpus_;
  Sum mem_;
};

// Returns the limits of a single task.
containers::Limits LimitsOf(const v1::TaskInfo& task);

}  // namespace tepui::agent
