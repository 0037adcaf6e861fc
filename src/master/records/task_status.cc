// SPDX-License-Identifier: Apache-2.0
#include "master/records/task_status.h"

#include "base/seconds.h"
#include "model/task.h"

namespace tepui::master {

v1::TaskState StateFor(const Framework& framework, v1::TaskState state) {
  return model::StateFor(framework.info, state);
}

v1::TaskStatus::Reason ReasonOfRemoval(v1::TaskState state) {
  return state == v1::TASK_GONE_BY_OPERATOR ? v1::TaskStatus::REASON_AGENT_REMOVED_BY_OPERATOR
                                            : v1::TaskStatus::REASON_AGENT_REMOVED;
}

v1::TaskStatus MasterStatus(const std::string& task_id, const std::string& agent_id,
                            v1::TaskState state, v1::TaskStatus::Reason reason,
                            std::string_view message, WallTime now) {
  v1::TaskStatus status =
      model::MakeStatus(v1::TaskStatus::SOURCE_MASTER, task_id, state, reason, message);
  if (!agent_id.empty()) status.mutable_agent_id()->set_value(agent_id);
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

}  // namespace tepui::master
