#include "agent/history.h"

#include <algorithm>
#include <iterator>

#include "agent/paths.h"

namespace tepui::agent {
namespace {

constexpr size_t kMaxCompletedFrameworks = 50;
// Of the tasks that an executor's record keeps, the newest first.
constexpr size_t kMaxSavedBytes = 64 << 10;
// A long history must not grow the subscription beyond the body that a master takes, or the agent
// could never come back.
constexpr size_t kMaxDescribedBytes = 8 << 20;

// Calls `take` with tasks of an executor that has ended, from the newest on, until it returns
// false; false if it did.
template <class Take>
bool ForNewest(const Agent::ExecutorState& executor, Take take) {
  for (const auto* tasks : {&executor.terminated, &executor.completed}) {
    for (auto task = tasks->rbegin(); task != tasks->rend(); ++task) {
      if (!take(*task)) return false;
    }
  }
  return true;
}

checkpoint::CompletedExecutor ToRecord(const v1::FrameworkInfo& framework,
                                       const Agent::ExecutorState& executor) {
  checkpoint::CompletedExecutor record;
  *record.mutable_framework() = framework;
  *record.mutable_info() = executor.info;
  record.mutable_info()->clear_data();  // It may be large, and is not shown.
  record.set_container(executor.container.value());
  if (executor.command_executor) record.set_command(true);
  size_t bytes = 0;
  ForNewest(executor, [&](const v1::Task& task) {
    bytes += task.ByteSizeLong();
    if (record.tasks_size() > 0 && bytes > kMaxSavedBytes) return false;
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
  for (const Saved::Completed& completed : saved) {
    const checkpoint::CompletedExecutor& record = completed.record;
    const FrameworkId framework(record.framework().id().value());
    Agent::ExecutorState executor;
    executor.info = record.info();
    executor.container = ContainerId(record.container());
    executor.directory = RunPath(ExecutorPath(services_.options.work_dir, agent, framework,
                                              ExecutorId(record.info().executor_id().value())),
                                 executor.container);
    executor.command_executor = record.command();
    executor.completed.assign(record.tasks().begin(), record.tasks().end());
    Past& past = past_[framework];
    past.info = record.framework();
    Add(past, {std::move(executor), completed.number});
    if (lives(framework)) continue;
    OnFrameworkBack(framework);  // The newest end counts.
    AddEnded(framework);
  }
}

void History::Add(const Executor& executor) {
  Entry entry{executor.Snapshot()};
  Past& past = past_[executor.framework().id];
  past.info = executor.framework().info;
  if (executor.checkpointed()) {
    entry.record = services_.checkpoint.CompleteExecutor(executor.container(),
                                                         ToRecord(past.info, entry.executor));
  }
  Add(past, std::move(entry));
}

void History::Add(Past& past, Entry entry) {
  past.executors.push_back(std::move(entry));
  if (past.executors.size() >
      static_cast<size_t>(services_.options.max_completed_executors_per_framework)) {
    DropOldest(past);
  }
}

void History::DropOldest(Past& past) {
  if (const uint64_t record = past.executors.front().record; record != 0) {
    services_.checkpoint.RemoveCompleted(record);
  }
  past.executors.pop_front();
}

void History::OnFrameworkEnded(const v1::FrameworkInfo& info) {
  const FrameworkId framework(info.id().value());
  past_[framework].info = info;
  AddEnded(framework);
}

void History::AddEnded(const FrameworkId& framework) {
  ended_.push_back(framework);
  if (ended_.size() <= kMaxCompletedFrameworks) return;
  const auto oldest = past_.find(ended_.front());
  while (!oldest->second.executors.empty()) DropOldest(oldest->second);
  past_.erase(oldest);
  ended_.pop_front();
}

void History::OnFrameworkBack(const FrameworkId& framework) { std::erase(ended_, framework); }

std::vector<Agent::ExecutorState> History::ExecutorsOf(const FrameworkId& framework) const {
  std::vector<Agent::ExecutorState> executors;
  const auto past = past_.find(framework);
  if (past == past_.end()) return executors;
  std::ranges::transform(past->second.executors, std::back_inserter(executors), &Entry::executor);
  return executors;
}

std::vector<Agent::FrameworkState> History::CompletedFrameworks() const {
  std::vector<Agent::FrameworkState> frameworks;
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
    if (!fits(past.info.ByteSizeLong())) return;
    link::Call::CompletedFramework* out = subscribe.add_completed_frameworks();
    *out->mutable_info() = past.info;
    for (auto entry = past.executors.rbegin(); entry != past.executors.rend(); ++entry) {
      const bool all = ForNewest(entry->executor, [&](const v1::Task& task) {
        if (!fits(task.ByteSizeLong())) return false;
        task.SerializeToString(out->add_tasks());
        return true;
      });
      if (!all) return;
    }
  }
}

}  // namespace tepui::agent
