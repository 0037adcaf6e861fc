// SPDX-License-Identifier: Apache-2.0
// What must hold between the agent's records after every public method.

#include <set>

#include "agent/core/agent_impl.h"

namespace tepui::agent {

Status Agent::Impl::CheckInvariants() const {
  for (const auto& [id, framework] : frameworks_) {
    if (framework->id != id) {
      return Fail(Code::kInternal, "Framework {} is found under {}", framework->id, id);
    }
    if (Status held = CheckFramework(*framework); !held) return held;
  }
  if (Status held = updates_.CheckInvariants(); !held) return held;
  if (Status held = CheckStreams(); !held) return held;
  if (recovered_) {
    if (Status held = CheckCheckpoint(); !held) return held;
  }
  if (updates_.paused() == registration_.registered()) {
    return Fail(Code::kInternal, "Statuses are sent to a master exactly while there is none");
  }
  if (registration_.registered() && !untold_exits_.empty()) {
    return Fail(Code::kInternal, "The master is not informed of {} executors that ended",
                untold_exits_.size());
  }
  if (!holds_ && !held_.empty()) {
    return Fail(Code::kInternal, "{} events of the master wait for nothing", held_.size());
  }
  return {};
}

Status Agent::Impl::CheckFramework(const Framework& framework) const {
  if (recovered_ && framework.executors.empty()) {
    return Fail(Code::kInternal, "Framework {} is kept without an executor", framework.id);
  }
  size_t tasks = 0;
  for (const auto& [id, executor] : framework.executors) {
    if (&executor->framework() != &framework || executor->id() != id) {
      return Fail(Code::kInternal, "Executor '{}' is found under '{}' of framework {}",
                  executor->id(), id, framework.id);
    }
    if (Status held = CheckExecutor(framework, *executor); !held) return held;
    tasks += executor->Tasks().size();
  }
  if (framework.tasks.size() == tasks) return {};
  return Fail(Code::kInternal, "Framework {} lists {} tasks, but its executors have {}",
              framework.id, framework.tasks.size(), tasks);
}

Status Agent::Impl::CheckExecutor(const Framework& framework, const Executor& executor) const {
  if (Status held = executor.CheckInvariants(); !held) return held;
  if (recovered_ && executor.state() == Executor::State::kTerminated &&
      (!executor.queue_empty() || !executor.launched().empty() || executor.idle())) {
    return Fail(Code::kInternal,
                "Executor '{}' of framework {} has ended, but has unfinished tasks, or is kept for "
                "no task",
                executor.id(), framework.id);
  }
  for (const TaskId& task : executor.Tasks()) {
    if (framework.Find(task) != &executor) {
      return Fail(Code::kInternal, "Task {} of framework {} is not found at its executor", task,
                  framework.id);
    }
    // The statuses of a framework that is shutting down are not sent any more.
    if (framework.terminating) continue;
    if (Status held = CheckTask(executor, task); !held) return held;
  }
  return {};
}

Status Agent::Impl::CheckTask(const Executor& executor, const TaskId& task) const {
  const FrameworkId& framework = executor.framework().id;
  if (executor.terminated().contains(task) != updates_.Ended(framework, task)) {
    return Fail(Code::kInternal,
                "Task {} of framework {} is recorded as ended by either the task or its statuses, "
                "but not by both",
                task, framework);
  }
  const std::optional<TaskKey> key = executor.KeyOf(task);
  if (!key || checkpoint_.Holds(*key) || updates_.Closing(framework, task)) return {};
  return Fail(Code::kInternal, "Task {} of framework {} has no record in the checkpoint", task,
              framework);
}

// Streams of executors lead to executors that are here.
Status Agent::Impl::CheckStreams() const {
  std::set<const Executor*> executors;
  for (const auto& [id, framework] : frameworks_) {
    for (const auto& [executor_id, executor] : framework->executors) {
      executors.insert(executor.get());
    }
  }
  for (const auto& [stream, executor] : streams_) {
    if (executors.contains(executor) && executor->custom() != nullptr) continue;
    return Fail(Code::kInternal, "Stream {} belongs to an executor that the agent does not have",
                stream);
  }
  return {};
}

// The checkpoint has no tasks of executors that are gone.
Status Agent::Impl::CheckCheckpoint() const {
  std::set<ContainerId> containers;
  for (const auto& [id, framework] : frameworks_) {
    for (const auto& [executor_id, executor] : framework->executors) {
      containers.insert(executor->container());
    }
  }
  for (const ContainerId& container : checkpoint_.Containers()) {
    if (containers.contains(container)) continue;
    return Fail(Code::kInternal, "The checkpoint has tasks of container {}, which is gone",
                container);
  }
  return {};
}

}  // namespace tepui::agent
