#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::agent {

// The hard limits of an executor's container from the limits of its tasks (reference 2.11): as soon
// as one task limits a resource, the container's limit is the sum of the tasks' limits and of what
// the executor and the tasks without a limit request; one task without bound leaves the container
// without bound. Kept up to date task by task.
class ExecutorLimits {
 public:
  using Limits = std::vector<std::pair<std::string, double>>;
  using TaskLimits = google::protobuf::Map<std::string, v1::Value::Scalar>;

  explicit ExecutorLimits(const Resources& executor);

  void Add(const Resources& task, const TaskLimits& limits);
  void Remove(const Resources& task, const TaskLimits& limits);

  // By resource name (cpus, mem); infinity means none.
  Limits Get() const;

 private:
  struct Sum {
    ResourceName name;
    Amount requested;  // By the executor, and by tasks that have no limit.
    Amount limited{};  // By finite limits.
    int64_t limits = 0;
    int64_t infinite = 0;
  };
  static void Count(Sum& sum, const Resources& task, const TaskLimits& limits, int64_t sign);

  Sum cpus_;
  Sum mem_;
};

// A task's own.
ExecutorLimits::Limits LimitsOf(const v1::TaskInfo& task);

}  // namespace tepui::agent
