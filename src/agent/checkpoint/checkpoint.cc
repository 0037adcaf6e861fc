// SPDX-License-Identifier: Apache-2.0
#include "agent/checkpoint/checkpoint.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <iterator>

#include "storage/limits.h"

namespace tepui::agent {
namespace {

constexpr ptrdiff_t kMaxWritesAtOnce = 1'000;

storage::Write Put(std::string key, const google::protobuf::Message& record) {
  return {.key = std::move(key), .value = record.SerializeAsString()};
}

storage::Write Drop(std::string key) { return {.key = std::move(key), .value = std::nullopt}; }

storage::Write PutOperation(const v1::Operation& operation) {
  checkpoint::Operation record;
  *record.mutable_operation() = operation;
  return Put(OperationKey(operation.uuid().value()), record);
}

checkpoint::Status ToRecord(const v1::TaskStatus& status, bool acknowledged) {
  checkpoint::Status record;
  *record.mutable_status() = status;
  if (acknowledged) record.set_acknowledged(true);
  return record;
}

}  // namespace

Checkpoint::Checkpoint(Clock& clock, storage::Store& store, std::function<void(const Error&)> lost)
    : store_(store), lost_(std::move(lost)), next_turn_(clock) {}

void Checkpoint::Restore(const Saved& saved) {
  if (!saved.completed.empty()) last_completed_ = saved.completed.back().number;
  for (const auto& [id, framework] : saved.frameworks) {
    frameworks_[id] = framework.number;
    last_framework_ = std::max(last_framework_, framework.number);
  }
  for (const Saved::Executor& executor : saved.executors) {
    Tasks& tasks = tasks_[executor.container];
    for (const Saved::Task& task : executor.tasks) {
      tasks.last = std::max(tasks.last, task.number);
      Range& range = tasks.statuses[task.number];
      if (task.statuses.empty()) continue;
      range = {task.statuses.front().number, task.statuses.back().number + 1};
    }
  }
}

void Checkpoint::Write(storage::Batch batch) {
  if (is_lost_) return;
  const size_t bytes = storage::SizeOf(batch);
  if (gathered_.empty() || gathered_.back().bytes + bytes > kLimits.batch_bytes) {
    gathered_.emplace_back();
  }
  Gathered& last = gathered_.back();
  last.last = ++written_;
  last.bytes += bytes;
  for (storage::Write& write : batch) {
    const auto [position, added] = last.positions.try_emplace(write.key, last.batch.size());
    if (added) {
      last.batch.push_back(std::move(write));
    } else {
      storage::Write& earlier = last.batch[position->second];
      last.bytes -= storage::SizeOf(earlier);
      earlier = std::move(write);
    }
  }
  if (std::exchange(committing_, true)) return;
  next_turn_.Set(Duration::zero(), [this] { Commit(); });
}

void Checkpoint::Commit() {
  assert(committing_ && !gathered_.empty());
  Gathered next = std::move(gathered_.front());
  gathered_.pop_front();
  store_.Commit(std::move(next.batch),
                lifetime_.Bind([this, last = next.last](const Status& committed) {
                  if (is_lost_) return;
                  if (committed) return OnSaved(last);
                  is_lost_ = true;
                  lost_(committed.error());
                }));
}

void Checkpoint::OnSaved(uint64_t last) {
  assert(saved_ < last && last <= written_);
  saved_ = last;
  committing_ = !gathered_.empty();
  if (committing_) Commit();
  while (!waiting_.empty() && waiting_.front().first <= saved_) {
    Then then = std::move(waiting_.front().second);
    waiting_.pop_front();
    then();
  }
}

void Checkpoint::WhenSaved(Then then) {
  if (is_lost_) return;
  if (saved_ == written_ && waiting_.empty()) return then();
  waiting_.emplace_back(written_, std::move(then));
}

void Checkpoint::SaveAgent(const v1::AgentInfo& info, const std::string& boot_id) {
  checkpoint::Agent record;
  *record.mutable_info() = info;
  record.set_boot_id(boot_id);
  Write({Put(std::string(kAgentKey), record)});
}

void Checkpoint::ForgetAgent() { Write({Drop(std::string(kAgentKey))}); }

void Checkpoint::SaveResources(const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                               const v1::Operation* operation, const DestroyedVolumes& destroyed) {
  checkpoint::Resources record;
  *record.mutable_resources() = resources;
  storage::Batch batch = {Put(std::string(kResourcesKey), record)};
  if (operation != nullptr) batch.push_back(PutOperation(*operation));
  for (const auto& [name, volume] : destroyed) {
    batch.push_back(Put(DestroyedVolumeKey(name), volume));
  }
  Write(std::move(batch));
}

void Checkpoint::RemoveDestroyedVolume(const std::string& name) {
  Write({Drop(DestroyedVolumeKey(name))});
}

void Checkpoint::SaveOperation(const v1::Operation& operation) { Write({PutOperation(operation)}); }

void Checkpoint::RemoveOperation(const std::string& uuid) { Write({Drop(OperationKey(uuid))}); }

void Checkpoint::SaveFramework(const v1::FrameworkInfo& info, bool removed) {
  checkpoint::Framework record;
  *record.mutable_info() = info;
  if (removed) record.set_removed(true);
  uint64_t& number = frameworks_[FrameworkId(info.id().value())];
  if (number == 0) number = ++last_framework_;
  Write({Put(FrameworkKey(number), record)});
}

void Checkpoint::RemoveFramework(const FrameworkId& framework) {
  const auto removed = frameworks_.extract(framework);
  if (!removed.empty()) Write({Drop(FrameworkKey(removed.mapped()))});
}

void Checkpoint::SaveExecutor(const ContainerId& container, const checkpoint::Executor& executor) {
  Write({Put(ExecutorKey(container), executor)});
}

void Checkpoint::RemoveExecutor(const ContainerId& container) {
  WriteInParts(RemovalOf(container));
}

void Checkpoint::CompleteExecutor(const ContainerId& container, uint64_t number,
                                  const checkpoint::CompletedExecutor& record,
                                  const std::vector<uint64_t>& forgotten) {
  storage::Batch batch = RemovalOf(container);
  for (const uint64_t other : forgotten) batch.push_back(Drop(CompletedKey(other)));
  batch.push_back(Put(CompletedKey(number), record));
  WriteInParts(std::move(batch));
}

void Checkpoint::RemoveCompleted(const std::vector<uint64_t>& numbers) {
  storage::Batch batch;
  for (const uint64_t number : numbers) batch.push_back(Drop(CompletedKey(number)));
  WriteInParts(std::move(batch));
}

storage::Batch Checkpoint::RemovalOf(const ContainerId& container) {
  storage::Batch batch;
  if (const auto tasks = tasks_.extract(container); !tasks.empty()) {
    for (const auto& [number, statuses] : tasks.mapped().statuses) {
      AddRemoval({container, number}, statuses, batch);
    }
  }
  batch.push_back(Drop(ExecutorKey(container)));
  return batch;
}

void Checkpoint::Remove(const std::vector<std::string>& keys) {
  storage::Batch batch;
  for (const std::string& key : keys) batch.push_back(Drop(key));
  WriteInParts(std::move(batch));
}

// Writes in batches of a size that every store accepts. The last batch is a full one, so that the
// writes at the end stay together. A record must stand before the record that it belongs to.
void Checkpoint::WriteInParts(storage::Batch batch) {
  for (auto begin = batch.begin(); begin != batch.end();) {
    const ptrdiff_t surplus = (batch.end() - begin) % kMaxWritesAtOnce;
    const auto end = begin + (surplus != 0 ? surplus : kMaxWritesAtOnce);
    Write({std::make_move_iterator(begin), std::make_move_iterator(end)});
    begin = end;
  }
}

uint64_t Checkpoint::NextTask(const ContainerId& executor) { return ++tasks_[executor].last; }

void Checkpoint::SaveTasks(const std::vector<std::pair<TaskKey, checkpoint::Task>>& tasks) {
  storage::Batch batch;
  for (const auto& [key, task] : tasks) {
    StatusesOf(key);
    batch.push_back(Put(ToString(key), task));
  }
  Write(std::move(batch));
}

void Checkpoint::RemoveTask(const TaskKey& key) {
  const auto tasks = tasks_.find(key.executor);
  if (tasks == tasks_.end()) return;  // Its executor was removed before.
  const auto removed = tasks->second.statuses.extract(key.number);
  if (removed.empty()) return;
  storage::Batch batch;
  AddRemoval(key, removed.mapped(), batch);
  WriteInParts(std::move(batch));
}

void Checkpoint::AddRemoval(const TaskKey& key, const Range& statuses, storage::Batch& batch) {
  for (uint64_t number = statuses.first; number < statuses.next; ++number) {
    batch.push_back(Drop(StatusKey(key, number)));
  }
  batch.push_back(Drop(ToString(key)));
}

bool Checkpoint::Holds(const TaskKey& key) const {
  const auto tasks = tasks_.find(key.executor);
  return tasks != tasks_.end() && tasks->second.statuses.contains(key.number);
}

std::vector<ContainerId> Checkpoint::Containers() const {
  std::vector<ContainerId> containers;
  for (const auto& [container, tasks] : tasks_) containers.push_back(container);
  return containers;
}

Checkpoint::Range& Checkpoint::StatusesOf(const TaskKey& key) {
  return tasks_[key.executor].statuses[key.number];
}

uint64_t Checkpoint::AddStatus(const TaskKey& key, const v1::TaskStatus& status) {
  const uint64_t number = StatusesOf(key).next++;
  ReplaceStatus(key, number, status);
  return number;
}

void Checkpoint::ReplaceStatus(const TaskKey& key, uint64_t number, const v1::TaskStatus& status) {
  Write({Put(StatusKey(key, number), ToRecord(status, false))});
}

void Checkpoint::AcknowledgeStatus(const TaskKey& key, uint64_t number,
                                   const v1::TaskStatus& status, size_t remembered) {
  storage::Batch batch = {Put(StatusKey(key, number), ToRecord(status, true))};
  Range& statuses = StatusesOf(key);
  for (; statuses.first + remembered <= number; ++statuses.first) {
    batch.push_back(Drop(StatusKey(key, statuses.first)));
  }
  Write(std::move(batch));
}

}  // namespace tepui::agent
