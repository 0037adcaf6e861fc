// SPDX-License-Identifier: Apache-2.0
#include "master/view/read_model.h"

#include <algorithm>
#include <utility>

namespace tepui::master {

namespace {

using TaskMap = std::map<uint64_t, std::shared_ptr<const v1::Task>>;

TaskMap& MapOf(ReadModel::Framework& framework, TaskPhase phase) {
  switch (phase) {
    case TaskPhase::kActive:
      return framework.active;
    case TaskPhase::kUnreachable:
      return framework.unreachable;
    case TaskPhase::kCompleted:
      break;
  }
  return framework.completed;
}

// The master forgets completed tasks oldest first, so the task is at or near the front. If its id
// was used again since, the index points elsewhere and stays.
void ForgetCompleted(ReadModel::Framework& framework, const TaskId& id) {
  const auto oldest = std::find_if(
      framework.completed.begin(), framework.completed.end(),
      [&](const auto& entry) { return entry.second->task_id().value() == id.value(); });
  if (oldest == framework.completed.end()) return;
  const auto index = framework.index.find(id);
  if (index != framework.index.end() &&
      index->second == std::pair(TaskPhase::kCompleted, oldest->first)) {
    framework.index.erase(index);
  }
  framework.completed.erase(oldest);
}

void ApplyTask(ReadModel::Framework& framework, Changes::Task change, uint64_t* next) {
  auto& [phase, task] = change.record;
  const auto index = framework.index.find(change.id);
  if (task == nullptr) {
    if (phase == TaskPhase::kCompleted) return ForgetCompleted(framework, change.id);
    if (index == framework.index.end() || index->second.first != phase) return;
    MapOf(framework, phase).erase(index->second.second);
    framework.index.erase(index);
    return;
  }
  if (index != framework.index.end()) {
    const auto [old_phase, old_number] = index->second;
    if (old_phase == phase && phase != TaskPhase::kCompleted) {
      MapOf(framework, phase)[old_number] = std::move(task);
      return;
    }
    // A completed task whose id is used again stays in the history.
    if (old_phase != TaskPhase::kCompleted) MapOf(framework, old_phase).erase(old_number);
  }
  const uint64_t number = (*next)++;
  MapOf(framework, phase).emplace(number, std::move(task));
  framework.index.insert_or_assign(std::move(change.id), std::pair(phase, number));
}

}  // namespace

void ReadModel::Apply(Changes changes) {
  for (auto& [id, record] : changes.frameworks) {
    if (record == nullptr) {
      if (frameworks_.erase(id) > 0) std::erase(framework_order_, id);
      continue;
    }
    const auto [it, added] = frameworks_.try_emplace(id);
    if (added) framework_order_.push_back(id);
    it->second.record = std::move(record);
  }
  for (auto& [id, record] : changes.agents) {
    if (record == nullptr) {
      if (agents_.erase(id) > 0) std::erase(agent_order_, id);
      continue;
    }
    const auto [it, added] = agents_.try_emplace(id);
    if (added) agent_order_.push_back(id);
    it->second = std::move(record);
  }
  for (Changes::Task& change : changes.tasks) {
    const auto framework = frameworks_.find(change.framework);
    if (framework != frameworks_.end()) ApplyTask(framework->second, std::move(change), &next_);
  }
  if (changes.metrics != nullptr) metrics_ = std::move(changes.metrics);
}

}  // namespace tepui::master
