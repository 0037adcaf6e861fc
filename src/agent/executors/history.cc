// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/history.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "agent/services/paths.h"

namespace tepui::agent {
namespace {

constexpr size_t kMaxCompletedFrameworks = 50;  // Reference 2.7.
// The largest size of a record. A larger one keeps fewer tasks, or is not written, because history
// must not fill the disk or be refused by the store.
constexpr size_t kMaxSavedBytes = 64 << 10;
// The subscription must not grow beyond the body that a master accepts, or an agent with a long
// history could never reregister.
constexpr size_t kMaxDescribedBytes = 8 << 20;

// Calls `take` with the tasks of an executor that has ended, newest first, until it returns false.
// Returns false if it did.
template <class Take>
bool ForNewest(const ExecutorState& executor, Take take) {
  for (const auto* tasks : {&executor.terminated, &executor.completed}) {
    for (auto task = tasks->rbegin(); task != tasks->rend(); ++task) {
      if (!take(*task)) return false;
    }
  }
  return true;
}

// Returns nothing if the record is too large even without a task.
std::optional<checkpoint::CompletedExecutor> ToRecord(const v1::FrameworkInfo& framework,
                                                      const ExecutorState& executor) {
  checkpoint::CompletedExecutor record;
  *record.mutable_framework() = framework;
  *record.mutable_info() = executor.info;
  // These fields are left out, since people do not look at them in the history.
  record.mutable_info()->clear_command();
  record.mutable_info()->clear_container();
  record.mutable_info()->clear_data();
  record.set_container(executor.container.value());
  if (executor.command_executor) record.set_command(true);
  size_t bytes = record.ByteSizeLong();
  if (bytes > kMaxSavedBytes) return std::nullopt;
  ForNewest(executor, [&](const v1::Task& task) {
    bytes += task.ByteSizeLong();
    if (bytes > kMaxSavedBytes) return false;
    *record.add_tasks() = task;
    return true;
  });
  std::ranges::reverse(*record.mutable_tasks());
  return record;
}

}  // namespace

History::History(const Services& services) : services_(services) {}

void History::Restore(const std::vector<Saved::Completed>& saved, const AgentId& agent,
                      const std::function<bool(const FrameworkId&)>& lives) {
  std::vector<FrameworkId> ended;
  for (const Saved::Completed& completed : saved) {
    const checkpoint::CompletedExecutor& record = completed.record;
    const FrameworkId framework(record.framework().id().value());
    ExecutorState executor;
    executor.info = record.info();
    executor.container = ContainerId(record.container());
    executor.directory = RunPath(ExecutorPath(services_.options.work_dir, agent, framework,
                                              ExecutorId(record.info().executor_id().value())),
                                 executor.container);
    executor.command_executor = record.command();
    executor.completed.assign(record.tasks().begin(), record.tasks().end());
    Past& past = past_[framework];
    past.info = record.framework();
    past.executors.push_back({std::move(executor), completed.number});
    services_.checkpoint.RemoveCompleted(Keep(MaxExecutors(), past));
    if (lives(framework)) continue;
    std::erase(ended, framework);  // The newest end counts.
    ended.push_back(framework);
  }
  for (const FrameworkId& framework : ended) AddEnded(framework);
}

void History::OnExecutorEnded(const Executor& executor) {
  Past& past = past_[executor.framework().id];
  past.info = executor.framework().info;
  Entry& entry = past.executors.emplace_back(executor.Snapshot());
  std::optional<checkpoint::CompletedExecutor> record;
  if (executor.checkpointed() && MaxExecutors() > 0) {
    record = ToRecord(past.info, entry.executor);
  }
  if (record) entry.record = services_.checkpoint.NextCompleted();
  const uint64_t number = entry.record;
  const std::vector<uint64_t> forgotten = Keep(MaxExecutors(), past);
  if (record) {
    services_.checkpoint.CompleteExecutor(executor.container(), number, *record, forgotten);
  } else {
    if (executor.checkpointed()) services_.checkpoint.RemoveExecutor(executor.container());
    services_.checkpoint.RemoveCompleted(forgotten);
  }
}

std::vector<uint64_t> History::Keep(size_t newest, Past& past) {
  std::vector<uint64_t> records;
  for (; past.executors.size() > newest; past.executors.pop_front()) {
    if (past.executors.front().record != 0) records.push_back(past.executors.front().record);
  }
  return records;
}

size_t History::MaxExecutors() const {
  return static_cast<size_t>(services_.options.max_completed_executors_per_framework);
}

void History::OnFrameworkEnded(const v1::FrameworkInfo& info) {
  const FrameworkId framework(info.id().value());
  past_[framework].info = info;
  AddEnded(framework);
}

void History::AddEnded(const FrameworkId& framework) {
  ended_.push_back(framework);
  if (ended_.size() <= kMaxCompletedFrameworks) return;
  auto oldest = past_.extract(ended_.front());
  ended_.pop_front();
  services_.checkpoint.RemoveCompleted(Keep(0, oldest.mapped()));
}

void History::OnFrameworkBack(const FrameworkId& framework) { std::erase(ended_, framework); }

std::vector<ExecutorState> History::ExecutorsOf(const FrameworkId& framework) const {
  std::vector<ExecutorState> executors;
  const auto past = past_.find(framework);
  if (past == past_.end()) return executors;
  std::ranges::transform(past->second.executors, std::back_inserter(executors), &Entry::executor);
  return executors;
}

std::vector<FrameworkState> History::CompletedFrameworks() const {
  std::vector<FrameworkState> frameworks;
  for (const FrameworkId& framework : ended_) {
    frameworks.push_back({past_.at(framework).info, {}, ExecutorsOf(framework)});
  }
  return frameworks;
}

void History::Describe(link::Call::Subscribe& subscribe) const {
  size_t bytes_left = kMaxDescribedBytes;
  const auto fits = [&](size_t bytes) {
    if (bytes > bytes_left) return false;
    bytes_left -= bytes;
    return true;
  };
  for (auto framework = ended_.rbegin(); framework != ended_.rend(); ++framework) {
    const Past& past = past_.at(*framework);
    if (!fits(past.info.ByteSizeLong())) continue;
    link::Call::CompletedFramework* out = subscribe.add_completed_frameworks();
    *out->mutable_info() = past.info;
    for (auto entry = past.executors.rbegin(); entry != past.executors.rend(); ++entry) {
      const bool all = ForNewest(entry->executor, [&](const v1::Task& task) {
        if (!fits(task.ByteSizeLong())) return false;
        task.SerializeToString(out->add_tasks());
        return true;
      });
      if (!all) break;
    }
  }
}

}  // namespace tepui::agent
