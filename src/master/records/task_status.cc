// SPDX-License-Identifier: Apache-2.0
#include "master/records/task_status.h"

#include <chrono>

namespace tepui::master {

bool IsTerminal(v1::OperationState state) {
  switch (state) {
    case v1::OPERATION_FINISHED:
    case v1::OPERATION_FAILED:
    case v1::OPERATION_ERROR:
    case v1::OPERATION_DROPPED:
    case v1::OPERATION_GONE_BY_OPERATOR:
      return true;
    case v1::OPERATION_UNSUPPORTED:
    case v1::OPERATION_PENDING:
    case v1::OPERATION_UNREACHABLE:
    case v1::OPERATION_RECOVERING:
    case v1::OPERATION_UNKNOWN:
      return false;
  }
  return false;
}

v1::TaskState StateFor(const Framework& framework, v1::TaskState state) {
  return framework.partition_aware ? state : v1::TASK_LOST;
}

v1::TaskStatus::Reason ReasonOfRemoval(v1::TaskState state) {
  return state == v1::TASK_GONE_BY_OPERATOR ? v1::TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR
                                            : v1::TaskStatus::REASON_AGENT_REMOVED;
}

double Seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

v1::TaskStatus MasterStatus(const std::string& task_id, const std::string& agent_id,
                            v1::TaskState state, v1::TaskStatus::Reason reason,
                            std::string_view message, WallTime now) {
  v1::TaskStatus status;
  status.mutable_task_id()->set_value(task_id);
  if (!agent_id.empty()) status.mutable_agent_id()->set_value(agent_id);
  status.set_state(state);
  status.set_source(v1::TaskStatus::SOURCE_MASTER);
  status.set_reason(reason);
  status.set_message(std::string(message));
  status.set_timestamp(Seconds(now));
  return status;
}

void AddTaskFacts(const v1::Task& task, v1::TaskStatus* status) {
  if (task.has_executor_id()) *status->mutable_executor_id() = task.executor_id();
  if (task.statuses().empty()) return;
  const v1::TaskStatus& latest = *task.statuses().rbegin();
  if (latest.has_healthy()) status->set_healthy(latest.healthy());
  if (latest.has_check_status()) *status->mutable_check_status() = latest.check_status();
  if (latest.has_container_status())
    *status->mutable_container_status() = latest.container_status();
}

v1::TaskState ReportedState(const v1::Task& task) {
  if (task.has_status_update_state()) return task.status_update_state();
  return IsTerminal(task.state()) ? v1::TASK_STAGING : task.state();
}

v1::Task MakeTask(const v1::TaskInfo& info, const v1::ExecutorInfo* executor,
                  const FrameworkId& framework) {
  v1::Task task;
  task.set_name(info.name());
  *task.mutable_task_id() = info.task_id();
  task.mutable_framework_id()->set_value(framework.value());
  if (executor != nullptr) *task.mutable_executor_id() = executor->executor_id();
  *task.mutable_agent_id() = info.agent_id();
  task.set_state(v1::TASK_STAGING);
  *task.mutable_resources() = info.resources();
  if (info.has_labels()) *task.mutable_labels() = info.labels();
  if (info.has_discovery()) *task.mutable_discovery() = info.discovery();
  if (info.has_container()) *task.mutable_container() = info.container();
  if (info.has_health_check()) *task.mutable_health_check() = info.health_check();
  if (info.has_kill_policy()) *task.mutable_kill_policy() = info.kill_policy();
  if (!info.limits().empty()) *task.mutable_limits() = info.limits();
  if (info.has_command() && info.command().has_user()) {
    task.set_user(info.command().user());
  } else if (executor != nullptr && executor->command().has_user()) {
    task.set_user(executor->command().user());
  }
  return task;
}

}  // namespace tepui::master
