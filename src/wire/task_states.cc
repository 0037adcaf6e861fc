// SPDX-License-Identifier: Apache-2.0
#include "wire/task_states.h"

namespace tepui::wire {

bool IsTerminal(mesos::v1::TaskState state) {
  switch (state) {
    case mesos::v1::TASK_FINISHED:
    case mesos::v1::TASK_FAILED:
    case mesos::v1::TASK_KILLED:
    case mesos::v1::TASK_LOST:
    case mesos::v1::TASK_ERROR:
    case mesos::v1::TASK_DROPPED:
    case mesos::v1::TASK_GONE:
    case mesos::v1::TASK_GONE_BY_OPERATOR:
      return true;
    case mesos::v1::TASK_STAGING:
    case mesos::v1::TASK_STARTING:
    case mesos::v1::TASK_RUNNING:
    case mesos::v1::TASK_KILLING:
    case mesos::v1::TASK_UNREACHABLE:
    case mesos::v1::TASK_UNKNOWN:
      return false;
  }
  return false;
}

void AddToHistory(const mesos::v1::TaskStatus& status, mesos::v1::Task* task) {
  constexpr int kMaxStatuses = 64;
  constexpr size_t kMaxBytes = 64 << 10;
  auto* const history = task->mutable_statuses();
  if (!history->empty() && history->rbegin()->state() == status.state()) history->RemoveLast();
  mesos::v1::TaskStatus* const added = history->Add();
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

}  // namespace tepui::wire
