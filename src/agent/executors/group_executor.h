// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "agent/executors/contained_task.h"
#include "agent/executors/executor.h"

namespace tepui::agent {

// Runs task groups without an executor process, as Mesos' default executor does (reference 2.5).
// Each task has a container that is nested under the executor's container id and sandbox. If a task
// fails or is killed, the rest of its group is killed. The executor ends with its last task.
class GroupExecutor final : public ExecutorRun, public ContainedTask::Owner {
 public:
  GroupExecutor(const Services& services, ExecutorHost& host, Executor& executor);

  void Start() override;
  void OnQueued() override;
  void Kill(const TaskId& task, const std::optional<v1::KillPolicy>& policy) override;
  void Shutdown(Duration grace) override;
  void Restore(const Saved::Executor& saved, std::vector<containers::RecoverSpec>& claims) override;
  void Resume(const Endings& endings) override;

 private:
  struct Group {
    std::vector<TaskId> tasks;
    bool broken = false;  // A task of the group has failed or was killed.
    bool killing = false;
  };
  struct Member {
    std::unique_ptr<ContainedTask> task;
    std::shared_ptr<Group> group;
    Status prepared;
  };

  ContainerId NewContainer();
  void LaunchGroup(const Executor::Delivery& delivery);
  Member MakeMember(const v1::TaskInfo& task, const ContainerId& container,
                    std::shared_ptr<Group> group);
  Status MakeSandbox(const v1::TaskInfo& task, const ContainerId& container);
  std::optional<std::string> UserOfTask(const v1::TaskInfo& task) const;
  void KillRest(Group& group);
  void EndIfEmpty();

  void OnTaskChanged(ContainedTask& task) override;
  void OnTaskStatus(ContainedTask& task, v1::TaskStatus status) override;
  void OnTaskGone(ContainedTask& task, std::optional<int> status) override;

  const Services& services_;
  ExecutorHost& host_;
  Executor& executor_;
  std::unordered_map<TaskId, Member> members_;
  bool shutting_down_ = false;
  bool resuming_ = false;
  bool ended_ = false;
  // Tasks that called OnTaskGone; the event loop destroys them.
  std::vector<std::unique_ptr<ContainedTask>> gone_;
  Timer sweep_;
};

}  // namespace tepui::agent
