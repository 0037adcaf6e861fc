// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "agent/core/agent_impl.h"
#include "agent/executors/command_executor.h"
#include "agent/executors/group_executor.h"
#include "agent/executors/sandbox.h"
#include "agent/services/paths.h"
#include "agent/services/statuses.h"
#include "base/log.h"
#include "model/states.h"

namespace tepui::agent {

void Agent::Impl::OnRunTask(const link::Event::RunTask& run) {
  Launch launch{.framework = run.framework_info(),
                .executor = {},
                .delivery = {.tasks = {run.task()}, .group = false},
                .launch_executor = run.launch_executor(),
                .resource_version = {}};
  if (run.has_resource_version_uuid()) launch.resource_version = run.resource_version_uuid();
  if (!run.task().has_executor()) {
    launch.kind = Executor::Kind::kCommand;
    launch.executor =
        MakeCommandExecutorInfo(run.task(), FrameworkId(run.framework_info().id().value()));
  } else {
    launch.executor = run.task().executor();
    if (launch.executor.type() == v1::ExecutorInfo::DEFAULT) launch.kind = Executor::Kind::kGroup;
  }
  Run(std::move(launch));
}

void Agent::Impl::OnRunTaskGroup(const link::Event::RunTaskGroup& run) {
  Launch launch{.framework = run.framework_info(),
                .executor = run.executor(),
                .delivery = {.tasks = {}, .group = true},
                .launch_executor = run.launch_executor(),
                .resource_version = {}};
  if (run.has_resource_version_uuid()) launch.resource_version = run.resource_version_uuid();
  if (run.executor().type() == v1::ExecutorInfo::DEFAULT) launch.kind = Executor::Kind::kGroup;
  for (v1::TaskInfo task : run.task_group().tasks()) {
    // Executors expect each task of the group to name its executor.
    *task.mutable_executor() = run.executor();
    launch.delivery.tasks.push_back(std::move(task));
  }
  if (launch.delivery.tasks.empty()) return;
  Run(std::move(launch));
}

void Agent::Impl::Run(Launch launch) {
  if (ending_) return;
  *launch.executor.mutable_framework_id() = launch.framework.id();
  const ExecutorId executor_id(launch.executor.executor_id().value());
  Framework& framework = FindOrAddFramework(launch.framework);
  if (framework.terminating) {
    // A master that does not know this considers the task launched until a status arrives.
    return Refuse(framework, launch,
                  {v1::TaskStatus::REASON_EXECUTOR_TERMINATED,
                   "The framework is being shut down on this agent"});
  }
  for (const v1::TaskInfo& task : launch.delivery.tasks) {
    if (!framework.tasks.contains(TaskId(task.task_id().value()))) continue;
    spdlog::warn("Ignored the launch of task {} of framework {}: it is here already",
                 task.task_id().value(), framework.id);
    return;
  }
  if (const auto refusal = CheckLaunch(framework, launch)) {
    return Refuse(framework, launch, *refusal);
  }

  Executor* executor = framework.Find(executor_id);
  const bool fresh = executor == nullptr;
  if (fresh) executor = &AddExecutor(framework, launch);
  for (const v1::TaskInfo& task : launch.delivery.tasks) {
    framework.tasks[TaskId(task.task_id().value())] = executor;
  }
  if (fresh) executor->Save(checkpoint_);
  executor->SaveTasks(checkpoint_, launch.delivery);
  executor->Enqueue(std::move(launch.delivery));
  if (!fresh) return executor->run().OnQueued();
  // No process uses the sandbox of a group's executor: it stays the agent's, so that no task can
  // change what is on the way to the sandboxes of the group's tasks, whose users pass through it.
  const Status sandbox =
      services_.disk.CreateDirectory({.path = executor->directory(),
                                      .link = LatestRunPath(executor->path()),
                                      .passable = executor->kind() == Executor::Kind::kGroup});
  if (sandbox) return executor->run().Start();
  ExecutorEnd end;
  end.launch_failed = true;
  end.reason = v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED;
  end.message = "Failed to create the sandbox: " + sandbox.error().message;
  OnExecutorEnded(*executor, end);
}

std::optional<Agent::Impl::Refusal> Agent::Impl::CheckLaunch(const Framework& framework,
                                                             const Launch& launch) const {
  if (launch.resource_version && *launch.resource_version != operations_.resource_version()) {
    return Refusal{v1::TaskStatus::REASON_INVALID_OFFERS,
                   "The task assumes an outdated state of the agent's resources"};
  }
  bool known = operations_.Has(launch.executor.resources());
  for (const v1::TaskInfo& task : launch.delivery.tasks) {
    known = known && operations_.Has(task.resources());
  }
  if (!known) {
    return Refusal{
        v1::TaskStatus::REASON_RESOURCES_UNKNOWN,
        "The task uses a reservation or a persistent volume that the agent does not have"};
  }
  return CheckExecutor(framework, launch);
}

// What the master believed about the executor when it sent the task must still hold
// (reference 5.2).
std::optional<Agent::Impl::Refusal> Agent::Impl::CheckExecutor(const Framework& framework,
                                                               const Launch& launch) const {
  const Executor* executor = framework.Find(ExecutorId(launch.executor.executor_id().value()));
  if (launch.kind == Executor::Kind::kCommand) {
    if (executor == nullptr) return std::nullopt;
    return Refusal{v1::TaskStatus::REASON_TASK_INVALID,
                   "A command task cannot use an executor that exists already"};
  }
  constexpr auto kTerminated = v1::TaskStatus::REASON_EXECUTOR_TERMINATED;
  if (executor == nullptr) {
    if (launch.launch_executor) return std::nullopt;
    return Refusal{kTerminated, "The executor that the task was meant for is not running any more"};
  }
  if (!executor->active()) {
    return Refusal{kTerminated, executor->state() == Executor::State::kTerminating
                                    ? "Executor terminating"
                                    : "Executor terminated"};
  }
  if (launch.launch_executor) {
    return Refusal{kTerminated,
                   "The task was meant for a new executor, but one is running already"};
  }
  if (executor->kind() != launch.kind) {
    return Refusal{v1::TaskStatus::REASON_TASK_INVALID,
                   "The executor that is running under this id is of another type"};
  }
  return std::nullopt;
}

void Agent::Impl::Refuse(Framework& framework, const Launch& launch, const Refusal& refusal) {
  const v1::TaskState state = model::StateFor(framework.info, v1::TASK_DROPPED);
  for (const v1::TaskInfo& task : launch.delivery.tasks) {
    v1::TaskStatus status =
        AgentStatus(TaskId(task.task_id().value()), state, refusal.reason, refusal.message);
    *status.mutable_executor_id() = launch.executor.executor_id();
    Report(framework.id, std::move(status));
  }
  RefuseExecutor(framework, launch);
}

// The master accounts for an executor that it asked to launch, so it must be notified that there is
// none, or none any more.
void Agent::Impl::RefuseExecutor(Framework& framework, const Launch& launch) {
  if (launch.kind != Executor::Kind::kCommand && launch.launch_executor) {
    const ExecutorId id(launch.executor.executor_id().value());
    Executor* executor = framework.Find(id);
    if (executor == nullptr || executor->state() == Executor::State::kTerminated) {
      SendExecutorExited(framework.id, id, -1);
    } else if (executor->active()) {
      ShutdownExecutor(*executor);
    }
  }
  RemoveIfIdle(framework);
}

Executor& Agent::Impl::AddExecutor(Framework& framework, const Launch& launch) {
  return AddExecutor(framework, launch.kind, launch.executor, ContainerId(services_.random.Uuid()));
}

Executor& Agent::Impl::AddExecutor(Framework& framework, Executor::Kind kind,
                                   const v1::ExecutorInfo& info, const ContainerId& container) {
  const ExecutorId id(info.executor_id().value());
  const AgentId agent(info_.id().value());
  const std::string path = ExecutorPath(options_.work_dir, agent, framework.id, id);
  const std::string directory = RunPath(path, container);
  const auto user = UserOf(info.command(), framework.info, options_);
  gc_.Unschedule(path);

  auto executor =
      std::make_unique<Executor>(framework, kind, info, container, path, directory, user);
  switch (kind) {
    case Executor::Kind::kCommand:
      executor->set_run(std::make_unique<CommandExecutor>(services_, *this, *executor, agent));
      break;
    case Executor::Kind::kGroup:
      executor->set_run(std::make_unique<GroupExecutor>(services_, *this, *executor));
      break;
    case Executor::Kind::kCustom:
      executor->set_run(std::make_unique<CustomExecutor>(services_, *this, *executor, info_));
      break;
  }
  return *(framework.executors[id] = std::move(executor));
}

}  // namespace tepui::agent
