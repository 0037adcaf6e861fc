// SPDX-License-Identifier: Apache-2.0
// Saves the parts of an executor's record that survive the agent's restart, and restores them.

#include <set>
#include <utility>
#include <vector>

#include "agent/executors/executor.h"
#include "agent/services/process_record.h"
#include "agent/services/statuses.h"

namespace tepui::agent {
namespace {

checkpoint::Executor::Kind ToProto(Executor::Kind kind) {
  switch (kind) {
    case Executor::Kind::kCommand:
      return checkpoint::Executor::COMMAND;
    case Executor::Kind::kGroup:
      return checkpoint::Executor::GROUP;
    case Executor::Kind::kCustom:
      break;
  }
  return checkpoint::Executor::CUSTOM;
}

}  // namespace

void Executor::Save(Checkpoint& checkpoint) const {
  if (!checkpointed()) return;
  checkpoint::Executor record;
  record.mutable_framework_id()->set_value(framework_.id.value());
  *record.mutable_info() = info_;
  record.set_kind(ToProto(kind_));
  if (process_) *record.mutable_process() = ToRecord(*process_);
  if (subscribed_) record.set_subscribed(true);
  if (state_ == State::kTerminating) record.set_shutting_down(true);
  if (state_ == State::kTerminated) record.set_terminated(true);
  checkpoint.SaveExecutor(container_, record);
}

void Executor::SaveTasks(Checkpoint& checkpoint, Delivery& delivery) {
  if (!checkpointed()) return;
  std::vector<std::pair<TaskKey, checkpoint::Task>> records;
  for (const v1::TaskInfo& task : delivery.tasks) {
    const uint64_t number = checkpoint.NextTask(container_);
    if (delivery.number == 0) delivery.number = number;
    const Place place{number, delivery.number, delivery.group};
    places_[TaskId(task.task_id().value())] = place;
    records.emplace_back(TaskKey{container_, number}, FillRecord({}, task, place));
  }
  checkpoint.SaveTasks(records);
}

void Executor::SaveTask(Checkpoint& checkpoint, const v1::TaskInfo& task,
                        checkpoint::Task record) const {
  const auto place = places_.find(TaskId(task.task_id().value()));
  if (place == places_.end()) return;
  checkpoint.SaveTasks({{TaskKey{container_, place->second.number},
                         FillRecord(std::move(record), task, place->second)}});
}

checkpoint::Task Executor::FillRecord(checkpoint::Task record, const v1::TaskInfo& task,
                                      const Place& place) {
  *record.mutable_info() = task;
  record.set_delivery(place.delivery);
  if (place.group) record.set_group(true);
  return record;
}

std::optional<TaskKey> Executor::KeyOf(const TaskId& task) const {
  const auto place = places_.find(task);
  if (place == places_.end()) return std::nullopt;
  return TaskKey{container_, place->second.number};
}

void Executor::Restore(const Saved::Executor& saved) {
  if (saved.record.has_process()) process_ = FromRecord(saved.record.process());
  subscribed_ = saved.record.subscribed();
  shutting_down_ = saved.record.shutting_down();
  if (saved.record.terminated()) {
    state_ = State::kTerminated;
  } else if (subscribed_ || kind_ == Kind::kGroup) {
    state_ = State::kRunning;
  }
  // A delivery is not sent any more if one of its tasks has a status already.
  std::set<uint64_t> begun;
  for (const Saved::Task& task : saved.tasks) {
    if (!task.statuses.empty()) begun.insert(task.record.delivery());
  }
  for (const Saved::Task& task : saved.tasks) {
    RestoreTask(task, begun.contains(task.record.delivery()));
  }
}

void Executor::RestoreTask(const Saved::Task& saved, bool begun) {
  const v1::TaskInfo& info = saved.record.info();
  const TaskId id(info.task_id().value());
  places_[id] = {saved.number, saved.record.delivery(), saved.record.group()};
  // A task that waited for its executor is queued again.
  if (kind_ == Kind::kCustom && !subscribed_ && !begun && active()) {
    if (deliveries_.empty() || deliveries_.back().number != saved.record.delivery()) {
      deliveries_.push_back({{}, saved.record.group(), saved.record.delivery()});
    }
    deliveries_.back().tasks.push_back(info);
    queued_[id] = std::prev(deliveries_.end());
    return Account(info);
  }
  ever_launched_ = true;
  Account(info);
  v1::Task task = MakeTask(info);
  // The last status that the framework may have received: it received all that were acknowledged,
  // and perhaps the next one.
  for (const Saved::Status& status : saved.statuses) {
    task.set_status_update_state(status.status.state());
    task.set_status_update_uuid(status.status.uuid());
    if (!status.acknowledged) break;
  }
  launched_[id] = std::move(task);
  for (const Saved::Status& status : saved.statuses) Apply(status.status);
}

}  // namespace tepui::agent
