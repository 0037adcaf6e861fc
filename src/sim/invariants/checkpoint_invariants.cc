// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/checkpoint_invariants.h"

#include <string_view>

#include "base/random.h"
#include "sim/invariants/task_invariants.h"
#include "tepui/checkpoint.pb.h"

namespace tepui::sim {

namespace {

// An agent sends this status for a task that it does not have, and need not remember it.
bool SaysThereIsNone(const v1::TaskStatus& status) {
  return status.source() == v1::TaskStatus::SOURCE_AGENT &&
         (status.state() == v1::TASK_DROPPED || status.state() == v1::TASK_LOST);
}

bool SaysNeverStarted(const v1::TaskStatus& status) {
  return SaysThereIsNone(status) ||
         status.reason() == v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED ||
         status.reason() == v1::TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH;
}

std::string NameOf(const v1::ExecutorInfo& executor) {
  return "executor " + executor.executor_id().value();
}

}  // namespace

void CheckpointInvariants::OnSaved(const std::string& host, const std::string& key,
                                   const std::optional<std::string>& value) {
  if (!value) return;
  Disk& disk = disks_[host];
  if (key.starts_with("statuses/")) {
    checkpoint::Status record;
    if (!record.ParseFromString(*value)) return;
    disk.statuses.insert(record.status().uuid());
    if (SaysEnded(record.status())) ended_.insert(record.status().task_id().value());
  } else if (key.starts_with("tasks/")) {
    checkpoint::Task record;
    if (record.ParseFromString(*value)) disk.programs.insert(record.info().task_id().value());
  } else if (key.starts_with("executors/")) {
    checkpoint::Executor record;
    if (!record.ParseFromString(*value)) return;
    disk.programs.insert(NameOf(record.info()));
  } else if (key.starts_with("operations/")) {
    checkpoint::Operation record;
    if (record.ParseFromString(*value)) disk.operations.insert(record.operation().uuid().value());
  } else if (key == "resources") {
    checkpoint::Resources record;
    if (!record.ParseFromString(*value)) return;
    disk.volumes.clear();
    for (const v1::Resource& resource : record.resources()) {
      if (resource.disk().has_persistence())
        disk.volumes.insert(resource.disk().persistence().id());
    }
    disk.known_volumes.insert(disk.volumes.begin(), disk.volumes.end());
  }
}

void CheckpointInvariants::OnAgentEvent(const std::string& host, const link::Event& event) {
  switch (event.type()) {
    case link::Event::RUN_TASK:
      if (event.run_task().framework_info().checkpoint())
        OnRun(event.run_task().task(), event.run_task().task().executor());
      return;
    case link::Event::RUN_TASK_GROUP:
      if (!event.run_task_group().framework_info().checkpoint()) return;
      for (const v1::TaskInfo& task : event.run_task_group().task_group().tasks())
        OnRun(task, event.run_task_group().executor());
      return;
    case link::Event::APPLY_OPERATION: {
      Disk& disk = disks_[host];
      const v1::Offer::Operation& operation = event.apply_operation().info();
      disk.asked[event.apply_operation().operation_uuid()] = operation;
      // A volume that is destroyed as soon as it is created need never be written.
      for (const v1::Resource& volume : operation.destroy().volumes())
        disk.known_volumes.insert(volume.disk().persistence().id());
      return;
    }
    default:
      return;
  }
}

void CheckpointInvariants::OnAgentSends(const std::string& host, const link::Call& call) {
  Disk& disk = disks_[host];
  if (call.type() == link::Call::STATUS_UPDATE) OnStatus(host, disk, call.status_update().status());
  if (call.type() == link::Call::OPERATION_UPDATE) OnOutcome(host, disk, call.operation_update());
}

void CheckpointInvariants::OnRun(const v1::TaskInfo& task, const v1::ExecutorInfo& executor) {
  ++checkpointed_[task.task_id().value()];
  ++checkpointed_[NameOf(executor)];
}

void CheckpointInvariants::OnProgramStarted(const std::string& host, const std::string& task) {
  if (!checkpointed_.contains(task)) return;
  ran_.insert(task);
  if (disks_[host].programs.contains(task)) return;
  findings_.Report("saved-before-run", "{} runs on {}, on whose disk there is no record of it",
                   task, host);
}

// The agent says that the task never ran.
void CheckpointInvariants::OnNeverStarted(const std::string& host, const v1::TaskStatus& status) {
  const std::string& task = status.task_id().value();
  const auto asked = checkpointed_.find(task);
  const bool checked = asked != checkpointed_.end() && asked->second == 1;
  if (!checked || !ran_.contains(task)) return;
  // An agent may have forgotten a task that has ended, and what it remembers was told before.
  if (SaysThereIsNone(status) && ended_.contains(task)) return;
  findings_.Report("saved-before-run", "{} tells {} of task {}, as if it had never run ({})", host,
                   v1::TaskState_Name(status.state()), task, status.message());
}

void CheckpointInvariants::OnStatus(const std::string& host, const Disk& disk,
                                    const v1::TaskStatus& status) {
  if (SaysNeverStarted(status)) OnNeverStarted(host, status);
  if (!checkpointed_.contains(status.task_id().value()) || SaysThereIsNone(status)) return;
  if (disk.statuses.contains(status.uuid())) return;
  findings_.Report("saved-first", "{} tells {} of task {}, which is not on its disk", host,
                   v1::TaskState_Name(status.state()), status.task_id().value());
}

void CheckpointInvariants::OnOutcome(const std::string& host, Disk& disk,
                                     const link::Call::OperationUpdate& update) {
  const std::string& uuid = update.operation_uuid();
  if (update.status().has_uuid() && !disk.operations.contains(uuid)) {
    findings_.Report("saved-first", "{} tells {} of operation {}, which is not on its disk", host,
                     v1::OperationState_Name(update.status().state()), UuidToString(uuid));
  }
  const auto asked = disk.asked.extract(uuid);
  if (asked.empty() || update.status().state() != v1::OPERATION_FINISHED) return;
  const v1::Offer::Operation& operation = asked.mapped();
  for (const v1::Resource& volume : operation.create().volumes()) {
    const std::string& id = volume.disk().persistence().id();
    if (disk.known_volumes.contains(id)) continue;
    findings_.Report("saved-first", "{} tells that it made volume {}, which is not on its disk",
                     host, id);
  }
  for (const v1::Resource& volume : operation.destroy().volumes()) {
    const std::string& id = volume.disk().persistence().id();
    if (!disk.volumes.contains(id)) continue;
    findings_.Report("saved-first", "{} tells that it destroyed volume {}, which is on its disk",
                     host, id);
  }
}

}  // namespace tepui::sim
