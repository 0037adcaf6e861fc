// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/task_invariants.h"

#include <algorithm>

#include "base/random.h"
#include "model/states.h"

namespace tepui::sim {

namespace {

using SchedulerCall = mesos::v1::scheduler::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

std::string Describe(const v1::TaskStatus& status) {
  std::string out = v1::TaskState_Name(status.state());
  if (status.has_reason()) out += " (" + v1::TaskStatus::Reason_Name(status.reason()) + ")";
  if (status.has_uuid()) out += " " + UuidToString(status.uuid()).substr(0, 8);
  return out;
}

bool Lives(v1::TaskState state) {
  return !model::IsTerminal(state) && state != v1::TASK_UNKNOWN && state != v1::TASK_UNREACHABLE;
}

}  // namespace

bool ReportsEnd(const v1::TaskStatus& status) {
  if (!model::IsTerminal(status.state())) return false;
  // The operator may have been wrong: such an agent may come back.
  if (status.state() == v1::TASK_GONE_BY_OPERATOR) return false;
  return status.state() != v1::TASK_LOST || status.source() != v1::TaskStatus::SOURCE_MASTER ||
         (status.reason() != v1::TaskStatus::REASON_AGENT_REMOVED &&
          status.reason() != v1::TaskStatus::REASON_RECONCILIATION);
}

void TaskInvariants::OnLaunch(const std::string& framework, const v1::TaskInfo& info) {
  Task& task = tasks_[info.task_id().value()];
  task.framework = framework;
  task.agent = info.agent_id().value();
  ++task.launches;
}

void TaskInvariants::OnSchedulerCall(const SchedulerCall& call) {
  if (call.type() != SchedulerCall::ACCEPT) return;
  const std::string& framework = call.framework_id().value();
  for (const v1::Offer::Operation& operation : call.accept().operations()) {
    for (const v1::TaskInfo& task : operation.launch().task_infos()) OnLaunch(framework, task);
    for (const v1::TaskInfo& task : operation.launch_group().task_group().tasks())
      OnLaunch(framework, task);
  }
}

void TaskInvariants::OnMasterSends(const SchedulerEvent& event) {
  if (event.type() == SchedulerEvent::UPDATE) OnTold(event.update().status(), "its framework");
}

void TaskInvariants::OnTold(const v1::TaskStatus& status, std::string_view by) {
  if (!ReportsEnd(status)) return;
  Task& task = tasks_[status.task_id().value()];
  if (!Checked(task)) return;
  if (task.ended.empty()) task.ended = Describe(status);
  if (task.running_on.empty()) return;
  findings_.Report("dead-stays-dead", "{} is told {} of task {}, which runs on {}", by,
                   Describe(status), status.task_id().value(), task.running_on);
}

void TaskInvariants::OnProgramStarted(const std::string& host, const std::string& id) {
  Task& task = tasks_[id];
  task.running_on = host;
  if (++task.starts > task.launches) {
    findings_.Report("runs-once",
                     "Task {} starts on {}, for the {}. time; it was launched {} times", id, host,
                     task.starts, task.launches);
  }
  if (!Checked(task) || task.ended.empty()) return;
  findings_.Report("dead-stays-dead", "Task {} starts on {} after its framework was told {}", id,
                   host, task.ended);
}

void TaskInvariants::OnProgramEnded(const std::string& host, const std::string& id) {
  Task& task = tasks_[id];
  if (task.running_on == host) task.running_on.clear();
}

void TaskInvariants::OnAgentSends(const std::string& host, const link::Call& call) {
  if (call.type() == link::Call::STATUS_UPDATE) OnStatusUpdate(host, call.status_update());
}

void TaskInvariants::OnStatusUpdate(const std::string& host,
                                    const link::Call::StatusUpdate& update) {
  const v1::TaskStatus& status = update.status();
  const std::string& id = status.task_id().value();
  Task& task = tasks_[id];
  OnTold(status, "the master");
  const auto known = std::ranges::find(task.made, status.uuid());
  const size_t index = static_cast<size_t>(known - task.made.begin());
  if (task.made_on != host) {
    // The first status from a restarted agent: it has only the statuses that were saved. It may
    // have lost the last acknowledgement, but no earlier one.
    task.made_on = host;
    if (index + 1 >= task.acknowledged) task.acknowledged = index;
    made_on_[host].insert(id);
  }
  if (known == task.made.end()) {
    if (task.acknowledged < task.made.size() && Checked(task)) {
      findings_.Report("acknowledged-once",
                       "{} sends {} of task {} before the status ahead of it is acknowledged", host,
                       Describe(status), id);
    }
    task.made.push_back(status.uuid());
  } else if (index < task.acknowledged && Checked(task)) {
    findings_.Report("acknowledged-once", "{} sends {} of task {} again after its acknowledgement",
                     host, Describe(status), id);
  }
}

void TaskInvariants::OnAgentEvent(const std::string& host, const link::Event& event) {
  switch (event.type()) {
    case link::Event::RUN_TASK:
      tasks_[event.run_task().task().task_id().value()].checkpointed =
          event.run_task().framework_info().checkpoint();
      return;
    case link::Event::RUN_TASK_GROUP:
      for (const v1::TaskInfo& task : event.run_task_group().task_group().tasks()) {
        tasks_[task.task_id().value()].checkpointed =
            event.run_task_group().framework_info().checkpoint();
      }
      return;
    case link::Event::STATUS_ACKNOWLEDGEMENT:
      return OnAcknowledgement(event.status_acknowledgement());
    case link::Event::SHUTDOWN_FRAMEWORK:
      return OnShutdownFramework(host, event.shutdown_framework().value());
    default:
      return;
  }
}

void TaskInvariants::OnAcknowledgement(const link::Event::StatusAcknowledgement& acknowledgement) {
  Task& task = tasks_[acknowledgement.task_id().value()];
  // Other acknowledgements answer a retry late, or match nothing.
  if (task.acknowledged < task.made.size() &&
      task.made[task.acknowledged] == acknowledgement.uuid()) {
    ++task.acknowledged;
  }
}

// The agent forgets its statuses of the framework.
void TaskInvariants::OnShutdownFramework(const std::string& host, const std::string& framework) {
  for (const std::string& id : made_on_[host]) {
    Task& task = tasks_[id];
    if (task.framework == framework) task.acknowledged = task.made.size();
  }
}

void TaskInvariants::OnEnded(const std::string& host) {
  const auto made = made_on_.find(host);
  if (made == made_on_.end()) return;
  for (const std::string& id : made->second) {
    Task& task = tasks_[id];
    task.made_on.clear();
    task.forgotten = task.forgotten || !task.checkpointed;
  }
  made_on_.erase(made);
}

void TaskInvariants::OnSchedulerEvent(const SchedulerEvent& event) {
  if (event.type() == SchedulerEvent::UPDATE) OnSeen(event.update().status());
}

void TaskInvariants::OnSeen(const v1::TaskStatus& status) {
  const std::string& id = status.task_id().value();
  Task& task = tasks_[id];
  task.last_word = {.state = status.state(),
                    .when = findings_.Now(),
                    .answer = status.reason() == v1::TaskStatus::REASON_RECONCILIATION &&
                              status.source() == v1::TaskStatus::SOURCE_MASTER};
  if (!Checked(task)) return;

  // A framework that reconciles a task that has ended, or did so before it received the terminal
  // status, may get the answer that the master does not know the task. That is true and does not
  // contradict the earlier status.
  const bool no_news = (task.last_word->answer || task.forgotten) && !Lives(status.state());
  if (task.seen_ended && *task.seen_ended != status.state() && !no_news) {
    findings_.Report("status-order", "Its framework sees {} of task {} after {}", Describe(status),
                     id, v1::TaskState_Name(*task.seen_ended));
  }
  if (ReportsEnd(status) && !task.seen_ended) task.seen_ended = status.state();
  if (!status.has_uuid()) return;

  const auto known = std::ranges::find(task.made, status.uuid());
  if (known == task.made.end()) {
    findings_.Report("status-order", "Its framework sees {} of task {}, which no agent made",
                     Describe(status), id);
    return;
  }
  const size_t place = static_cast<size_t>(known - task.made.begin()) + 1;
  if (place < task.seen) {
    findings_.Report("status-order",
                     "Its framework sees {} of task {}, the {}. the agent made, after the {}.",
                     Describe(status), id, place, task.seen);
  }
  task.seen = std::max(task.seen, place);
}

std::optional<TaskInvariants::Word> TaskInvariants::LastWord(const std::string& task) const {
  const auto found = tasks_.find(task);
  return found == tasks_.end() ? std::nullopt : found->second.last_word;
}

std::string TaskInvariants::AgentOf(const std::string& task) const {
  const auto found = tasks_.find(task);
  return found == tasks_.end() ? std::string() : found->second.agent;
}

std::vector<TaskInvariants::Held> TaskInvariants::Unacknowledged() const {
  std::vector<Held> held;
  for (const auto& [host, tasks] : made_on_) {
    for (const std::string& id : tasks) {
      const Task& task = tasks_.at(id);
      if (task.acknowledged < task.made.size()) held.push_back({id, task.framework, host});
    }
  }
  return held;
}

}  // namespace tepui::sim
