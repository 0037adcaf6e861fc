// SPDX-License-Identifier: Apache-2.0
#include "model/task.h"

namespace tepui::model {

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
  *task.mutable_limits() = info.limits();
  if (info.has_labels()) *task.mutable_labels() = info.labels();
  if (info.has_discovery()) *task.mutable_discovery() = info.discovery();
  if (info.has_container()) *task.mutable_container() = info.container();
  if (info.has_health_check()) *task.mutable_health_check() = info.health_check();
  if (info.has_kill_policy()) *task.mutable_kill_policy() = info.kill_policy();
  if (info.command().has_user()) {
    task.set_user(info.command().user());
  } else if (executor != nullptr && executor->command().has_user()) {
    task.set_user(executor->command().user());
  }
  return task;
}

v1::TaskStatus MakeStatus(v1::TaskStatus::Source source, const std::string& task,
                          v1::TaskState state, v1::TaskStatus::Reason reason,
                          std::string_view message) {
  v1::TaskStatus status;
  status.mutable_task_id()->set_value(task);
  status.set_state(state);
  status.set_source(source);
  status.set_reason(reason);
  status.set_message(std::string(message));
  return status;
}

void AddToHistory(const v1::TaskStatus& status, v1::Task* task) {
  constexpr int kMaxStatuses = 64;
  constexpr size_t kMaxBytes = 64 << 10;
  auto* const history = task->mutable_statuses();
  if (!history->empty() && history->rbegin()->state() == status.state()) history->RemoveLast();
  v1::TaskStatus* const added = history->Add();
  *added = status;
  added->clear_data();

  // Keeps as many as there is room for, from the newest on, but at least the newest.
  size_t bytes = 0;
  int kept = 0;
  while (kept < history->size() && kept < kMaxStatuses) {
    bytes += history->Get(history->size() - 1 - kept).ByteSizeLong();
    if (kept > 0 && bytes > kMaxBytes) break;
    ++kept;
  }
  history->DeleteSubrange(0, history->size() - kept);
}

}  // namespace tepui::model
