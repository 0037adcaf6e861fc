// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "agent/executors/contained_task.h"
#include "agent/executors/executor.h"

namespace tepui::agent {

// Returns the ExecutorInfo that Mesos shows for a command task: it is named after the command, and
// has the task's id.
v1::ExecutorInfo MakeCommandExecutorInfo(const v1::TaskInfo& task, const FrameworkId& framework);

// Runs one command task without an executor process.
class CommandExecutor final : public ExecutorRun, public ContainedTask::Owner {
 public:
  CommandExecutor(const Services& services, ExecutorHost& host, Executor& executor, AgentId agent);

  void Start() override;
  void OnQueued() override {}  // There is never more than one task.
  void Kill(const TaskId& task, const std::optional<v1::KillPolicy>& policy) override;
  void Shutdown(Duration grace) override;
  void Restore(const Saved::Executor& saved, std::vector<containers::RecoverSpec>& claims) override;
  void Resume(const Endings& endings) override;

 private:
  // Fails if the task has no environment; task_ is created even then, to report the failure.
  Status MakeTask(const v1::TaskInfo& task);
  void OnTaskChanged(ContainedTask& task) override;
  void OnTaskStatus(ContainedTask& task, v1::TaskStatus status) override;
  void OnTaskGone(ContainedTask& task, std::optional<int> status) override;

  const Services& services_;
  ExecutorHost& host_;
  Executor& executor_;
  const AgentId agent_;
  std::unique_ptr<ContainedTask> task_;
};

}  // namespace tepui::agent
