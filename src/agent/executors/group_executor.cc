// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/group_executor.h"

#include <map>
#include <utility>

#include "agent/executors/environment.h"
#include "agent/executors/sandbox.h"
#include "agent/services/paths.h"
#include "agent/services/statuses.h"
#include "model/capabilities.h"

namespace tepui::agent {

namespace {

// True if the rest of the group must be killed.
bool Breaks(const v1::TaskStatus& status) {
  return status.has_state() &&
         (status.state() == v1::TASK_FAILED || status.state() == v1::TASK_KILLED);
}

}  // namespace

GroupExecutor::GroupExecutor(const Services& services, ExecutorHost& host, Executor& executor)
    : services_(services), host_(host), executor_(executor), sweep_(services.clock) {}

void GroupExecutor::Start() {
  executor_.set_state(Executor::State::kRunning);
  OnQueued();
}

void GroupExecutor::OnQueued() {
  while (const auto delivery = executor_.LaunchNext()) LaunchGroup(*delivery);
}

GroupExecutor::Member GroupExecutor::MakeMember(const v1::TaskInfo& task,
                                                const ContainerId& container,
                                                std::shared_ptr<Group> group) {
  const Framework& framework = executor_.framework();
  const std::string sandbox = NestedSandboxPath(executor_.directory(), container);
  const auto user = task.command().has_user()
                        ? UserOf(task.command(), framework.info, services_.options)
                        : executor_.user();

  ContainedTask::Setup setup;
  setup.task = task;
  setup.executor = executor_.id();
  setup.launch = MakeTaskLaunch(task, executor_, container, sandbox, user);
  setup.reports_killing =
      model::HasCapability(framework.info, v1::FrameworkInfo::Capability::TASK_KILLING_STATE);

  Status prepared = services_.disk.CreateDirectory(
      sandbox, std::nullopt, TaskLinkPath(executor_.directory(), TaskId(task.task_id().value())));
  if (prepared) prepared = LinkVolumes(services_, task.resources(), sandbox, user);
  auto environment = MakeGroupTaskEnvironment(task, sandbox, services_.options);
  if (environment) {
    setup.launch.environment = std::move(*environment);
  } else if (prepared) {
    prepared = Fail(environment.error());
  }
  Member member;
  member.task = std::make_unique<ContainedTask>(services_, std::move(setup), *this);
  member.group = std::move(group);
  member.prepared = std::move(prepared);
  return member;
}

ContainerId GroupExecutor::NewContainer() {
  return ContainerId(executor_.container().value() + "." + services_.random.Uuid());
}

void GroupExecutor::LaunchGroup(const Executor::Delivery& delivery) {
  const auto group = std::make_shared<Group>();
  for (const v1::TaskInfo& task : delivery.tasks) {
    const TaskId id(task.task_id().value());
    group->tasks.push_back(id);
    members_[id] = MakeMember(task, NewContainer(), group);
  }
  // A task that cannot start also kills the tasks of its group that are not launched yet. So all
  // are in members_ before the first launch, and those that were killed are not there any more when
  // their turn comes.
  for (const TaskId& id : group->tasks) {
    const auto found = members_.find(id);
    if (found == members_.end()) continue;
    Member& member = found->second;
    if (member.prepared) {
      // The container's id is saved, so that after a restart the agent finds out what became of an
      // interrupted launch.
      OnTaskChanged(*member.task);
      member.task->Launch();
    } else {
      const Error error = member.prepared.error();
      member.task->FailLaunch(error);
    }
  }
}

void GroupExecutor::Restore(const Saved::Executor& saved,
                            std::vector<containers::RecoverSpec>& claims) {
  std::map<uint64_t, std::shared_ptr<Group>> groups;  // By delivery.
  for (const Saved::Task& task : saved.tasks) {
    const v1::TaskInfo& info = task.record.info();
    const TaskId id(info.task_id().value());
    std::shared_ptr<Group>& group = groups[task.record.delivery()];
    if (!group) group = std::make_shared<Group>();
    const v1::TaskStatus last =
        task.statuses.empty() ? v1::TaskStatus() : task.statuses.back().status;
    if (!executor_.launched().contains(id)) {
      group->broken = group->broken || Breaks(last);
      continue;
    }
    group->tasks.push_back(id);
    Member& member = members_[id];
    member = MakeMember(
        info, task.record.has_container() ? ContainerId(task.record.container()) : NewContainer(),
        group);
    member.task->Restore(task.record, last);
    claims.push_back(member.task->Claim());
  }
}

void GroupExecutor::Resume(const Endings& endings) {
  std::vector<TaskId> running;
  std::vector<TaskId> ended;
  for (const auto& [id, member] : members_) {
    const bool runs = endings.running.contains(member.task->container());
    (runs ? running : ended).push_back(id);
  }
  // Tasks that ended by themselves are reported first, then the tasks that end because of them.
  resuming_ = true;
  for (const TaskId& id : ended) members_.find(id)->second.task->Resume(endings);
  for (const TaskId& id : running) members_.find(id)->second.task->Resume(endings);
  resuming_ = false;
  for (const TaskId& id : running) {
    const auto found = members_.find(id);
    if (found == members_.end()) continue;
    const std::shared_ptr<Group> group = found->second.group;
    if (group->broken) KillRest(*group);
  }
  EndIfEmpty();
}

void GroupExecutor::Kill(const TaskId& task, const std::optional<v1::KillPolicy>& policy) {
  const auto found = members_.find(task);
  if (found != members_.end()) found->second.task->Kill(policy);
}

void GroupExecutor::KillRest(Group& group) {
  group.broken = true;
  if (resuming_ || shutting_down_ || group.killing) return;
  group.killing = true;
  for (const TaskId& id : group.tasks) {
    const auto found = members_.find(id);
    if (found != members_.end() && !found->second.task->killed()) {
      found->second.task->Kill(std::nullopt);
    }
  }
}

void GroupExecutor::Shutdown(Duration grace) {
  shutting_down_ = true;
  std::vector<TaskId> tasks;
  tasks.reserve(members_.size());
  for (const auto& [id, member] : members_) tasks.push_back(id);
  for (const TaskId& id : tasks) {
    const auto found = members_.find(id);
    if (found != members_.end()) found->second.task->KillWithin(grace);
  }
  EndIfEmpty();
}

void GroupExecutor::OnTaskChanged(ContainedTask& task) {
  executor_.SaveTask(services_.checkpoint, task.info(), task.Record());
}

void GroupExecutor::OnTaskStatus(ContainedTask& task, v1::TaskStatus status) {
  const bool kills = Breaks(status);
  host_.OnTaskStatus(executor_, std::move(status));
  const auto found = members_.find(TaskId(task.info().task_id().value()));
  if (kills && found != members_.end()) KillRest(*std::shared_ptr(found->second.group));
}

void GroupExecutor::OnTaskGone(ContainedTask& task, std::optional<int>) {
  const auto found = members_.find(TaskId(task.info().task_id().value()));
  gone_.push_back(std::move(found->second.task));
  members_.erase(found);
  sweep_.Set(Duration::zero(), [this] { gone_.clear(); });
  EndIfEmpty();
}

void GroupExecutor::EndIfEmpty() {
  if (ended_ || resuming_ || !members_.empty() || !executor_.queue_empty()) return;
  ended_ = true;
  ExecutorEnd end;
  end.status = 0;
  host_.OnExecutorEnded(executor_, end);
}

}  // namespace tepui::agent
