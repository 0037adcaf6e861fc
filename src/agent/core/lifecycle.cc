// SPDX-License-Identifier: Apache-2.0
#include <cassert>
#include <chrono>
#include <utility>

#include "agent/core/agent_impl.h"
#include "agent/executors/environment.h"
#include "agent/services/paths.h"
#include "agent/services/statuses.h"
#include "base/log.h"
#include "base/planted_fault.h"
#include "base/seconds.h"
#include "model/states.h"
#include "model/task.h"

namespace tepui::agent {

namespace {

// True if the container was taken away and did not fail, so that its tasks are TASK_GONE.
bool MeansGone(v1::TaskStatus::Reason reason) {
  return reason == v1::TaskStatus::REASON_CONTAINER_PREEMPTED ||
         reason == v1::TaskStatus::REASON_CONTAINER_UPDATE_FAILED;
}

}  // namespace

v1::TaskStatus Agent::Impl::AgentStatus(const TaskId& task, v1::TaskState state,
                                        v1::TaskStatus::Reason reason, std::string message) const {
  return model::MakeStatus(v1::TaskStatus::SOURCE_AGENT, task.value(), state, reason, message);
}

void Agent::Impl::FillStatus(v1::TaskStatus& status, const Executor* executor) {
  *status.mutable_agent_id() = info_.id();
  if (!status.has_uuid()) status.set_uuid(services_.random.UuidBytes());
  if (!status.has_timestamp()) {
    status.set_timestamp(Seconds(services_.clock.WallNow()));
  }
  if (executor == nullptr) return;
  status.mutable_executor_id()->set_value(executor->id().value());
  // Only the statuses of tasks that reached a container report where the task runs.
  if (status.source() != v1::TaskStatus::SOURCE_EXECUTOR) return;
  v1::ContainerStatus* container = status.mutable_container_status();
  if (!container->has_container_id()) {
    *container->mutable_container_id() = ToProto(executor->container());
    const CustomExecutor* custom = executor->custom();
    if (custom != nullptr && custom->pid() != 0) {
      container->set_executor_pid(static_cast<uint32_t>(custom->pid()));
    }
  }
  if (container->network_infos_size() == 0 && !options_.address.ip().empty()) {
    container->add_network_infos()->add_ip_addresses()->set_ip_address(options_.address.ip());
  }
}

void Agent::Impl::Report(const FrameworkId& framework, v1::TaskStatus status) {
  FillStatus(status, nullptr);
  ++metrics_.valid_status_updates;
  // The status is not saved: it reports that there is no such task, which the agent will report
  // after a restart as well.
  updates_.Update(framework, status, std::nullopt);
}

void Agent::Impl::OnTaskStatus(Executor& executor, v1::TaskStatus status) {
  Framework& framework = executor.framework();
  const TaskId task(status.task_id().value());
  FillStatus(status, &executor);
  const bool terminal = IsTerminal(status.state());
  const bool duplicate = updates_.Knows(framework.id, task, status.uuid());
  const bool applied = !duplicate && executor.Apply(status);
  if (applied && terminal) ++metrics_.ended_tasks[status.state()];

  if (applied && !framework.terminating) {
    ++metrics_.valid_status_updates;
    updates_.Update(framework.id, status, executor.KeyOf(task));
  } else if (!duplicate) {
    ++metrics_.invalid_status_updates;
    spdlog::debug("Dropped status {} of task {} of framework {}: the {} has ended or is unknown",
                  v1::TaskState_Name(status.state()), task, framework.id,
                  applied ? "framework" : "task");
  }

  CustomExecutor* custom = executor.custom();
  if (custom == nullptr) return;
  if (applied && terminal) custom->OnTaskEnded();
  // A dropped status is acknowledged too, so that the executor does not send it again.
  if (status.source() == v1::TaskStatus::SOURCE_EXECUTOR) {
    AcknowledgeWhenSaved(executor, task, status.uuid());
  }
}

void Agent::Impl::AcknowledgeWhenSaved(Executor& executor, const TaskId& task,
                                       const std::string& uuid) {
  if (!executor.checkpointed()) return executor.custom()->Acknowledge(task, uuid);
  checkpoint_.WhenSaved([this, framework_id = executor.framework().id, id = executor.id(),
                         container = executor.container(), task, uuid] {
    const Framework* framework = Find(framework_id);
    Executor* found = framework == nullptr ? nullptr : framework->Find(id);
    if (found == nullptr || found->container() != container) return;
    found->custom()->Acknowledge(task, uuid);
  });
}

void Agent::Impl::Forward(const FrameworkId& framework_id, const v1::TaskStatus& status,
                          v1::TaskState latest) {
  const TaskId task_id(status.task_id().value());
  if (const Framework* framework = Find(framework_id)) {
    Executor* executor = framework->Find(task_id);
    v1::Task* task = executor == nullptr ? nullptr : executor->FindTask(task_id);
    if (task != nullptr) {
      task->set_status_update_state(status.state());
      task->set_status_update_uuid(status.uuid());
    }
  }
  link::Call call;
  call.set_type(link::Call::STATUS_UPDATE);
  link::Call::StatusUpdate* update = call.mutable_status_update();
  update->mutable_framework_id()->set_value(framework_id.value());
  *update->mutable_status() = status;
  update->set_latest_state(latest);
  services_.links.Send(std::move(call));
}

void Agent::Impl::OnAcknowledgement(const link::Event::StatusAcknowledgement& acknowledgement) {
  const FrameworkId framework_id(acknowledgement.framework_id().value());
  const TaskId task(acknowledgement.task_id().value());
  if (!updates_.Acknowledge(framework_id, task, acknowledgement.uuid())) {
    spdlog::debug("Ignored an acknowledgement for task {} of framework {}: no status waits for it",
                  task, framework_id);
  }
}

void Agent::Impl::OnTaskClosed(const FrameworkId& framework_id, const TaskId& task) {
  if (TEPUI_PLANTED_FAULT("last-acknowledgement-lost")) return;
  Framework* framework = Find(framework_id);
  if (framework == nullptr) return;
  if (Executor* executor = framework->Find(task)) {
    executor->MoveToHistory(task);
    framework->tasks.erase(task);
    if (executor->state() == Executor::State::kTerminated && executor->idle()) {
      RemoveExecutor(*executor);
    }
  }
  RemoveIfIdle(*framework);
}

void Agent::Impl::OnKillTask(const link::Event::KillTask& kill) {
  const TaskId task(kill.task_id().value());
  Framework* framework = Find(FrameworkId(kill.framework_id().value()));
  if (framework == nullptr || framework->terminating) {
    spdlog::warn("Ignored the kill of task {} of framework {}: the framework is not running here",
                 task, kill.framework_id().value());
    return;
  }
  Executor* executor = framework->Find(task);
  if (executor == nullptr) {
    // The task never got here.
    Report(framework->id, AgentStatus(task, model::StateFor(framework->info, v1::TASK_DROPPED),
                                      v1::TaskStatus::REASON_EXECUTOR_TERMINATED,
                                      "No executor on this agent has the task"));
    return;
  }
  if (!executor->active()) {
    spdlog::info("Ignored the kill of task {} of framework {}: its executor is ending", task,
                 framework->id);
    return;
  }
  if (executor->IsQueued(task)) return KillQueued(*executor, task);
  std::optional<v1::KillPolicy> policy;
  if (kill.has_kill_policy()) policy = kill.kill_policy();
  executor->run().Kill(task, policy);
}

void Agent::Impl::KillQueued(Executor& executor, const TaskId& task) {
  const auto delivery = executor.LaunchQueued(task);
  assert(delivery);
  for (const v1::TaskInfo& killed : delivery->tasks) {
    OnTaskStatus(executor,
                 AgentStatus(TaskId(killed.task_id().value()), v1::TASK_KILLED,
                             v1::TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH,
                             delivery->group
                                 ? "A task of the group was killed before it reached the executor"
                                 : "Killed before it reached the executor"));
  }
  // An executor that never had a task does not know when to end.
  if (executor.state() == Executor::State::kRunning && !executor.ever_launched() &&
      executor.queue_empty()) {
    ShutdownExecutor(executor);
  }
}

void Agent::Impl::OnShutdownExecutor(const link::Event::ShutdownExecutor& shutdown) {
  const Framework* framework = Find(FrameworkId(shutdown.framework_id().value()));
  Executor* executor =
      framework == nullptr ? nullptr : framework->Find(ExecutorId(shutdown.executor_id().value()));
  if (executor == nullptr || !executor->active()) {
    spdlog::info("Ignored the shutdown of executor '{}' of framework {}: it is not running here",
                 shutdown.executor_id().value(), shutdown.framework_id().value());
    return;
  }
  ShutdownExecutor(*executor);
}

void Agent::Impl::ShutdownExecutor(Executor& executor) {
  spdlog::info("Shutting down executor '{}' of framework {}", executor.id(),
               executor.framework().id);
  executor.set_state(Executor::State::kTerminating);
  executor.Save(checkpoint_);
  executor.run().Shutdown(ShutdownGrace(executor.info(), options_));
}

void Agent::Impl::OnExecutorEnded(Executor& executor, const ExecutorEnd& end) {
  Framework& framework = executor.framework();
  ++metrics_.executors_terminated;
  if (end.launch_failed) ++metrics_.container_launch_errors;
  executor.set_state(Executor::State::kTerminated);
  if (executor.kind() == Executor::Kind::kCustom) {
    std::erase_if(streams_, [&](const auto& stream) { return stream.second == &executor; });
  }
  EndTasks(executor, end);
  if (executor.kind() != Executor::Kind::kCommand) {
    SendExecutorExited(framework.id, executor.id(), end.status.value_or(-1));
  }
  if (framework.terminating || executor.idle()) {
    RemoveExecutor(executor);
  } else {
    executor.Save(checkpoint_);  // It is written after the ends of its tasks.
  }
  RemoveIfIdle(framework);
}

// Ends the tasks that the executor has left unfinished.
void Agent::Impl::EndTasks(Executor& executor, const ExecutorEnd& end) {
  while (!executor.queue_empty()) {
    const v1::TaskInfo& first = executor.deliveries().front().tasks.front();
    executor.LaunchQueued(TaskId(first.task_id().value()));
  }
  if (executor.launched().empty()) return;

  const v1::TaskStatus::Reason reason =
      end.reason.value_or(v1::TaskStatus::REASON_EXECUTOR_TERMINATED);
  v1::TaskState state = v1::TASK_FAILED;
  if (MeansGone(reason)) {
    state = model::StateFor(executor.framework().info, v1::TASK_GONE);
  }
  std::string message = end.message;
  if (message.empty()) {
    message = "Executor terminated";
    if (end.status) message += ": " + DescribeWaitStatus(*end.status);
  }
  std::vector<TaskId> tasks;
  for (const auto& [id, task] : executor.launched()) tasks.push_back(id);
  for (const TaskId& task : tasks) {
    v1::TaskStatus status = AgentStatus(task, state, reason, message);
    if (!end.limited.empty()) {
      end.limited.ToProto(status.mutable_limitation()->mutable_resources());
    }
    OnTaskStatus(executor, std::move(status));
  }
}

void Agent::Impl::SendExecutorExited(const FrameworkId& framework, const ExecutorId& executor,
                                     int status) {
  if (TEPUI_PLANTED_FAULT("executor-end-not-told")) return;
  link::Call call;
  call.set_type(link::Call::EXECUTOR_EXITED);
  call.mutable_executor_exited()->mutable_framework_id()->set_value(framework.value());
  call.mutable_executor_exited()->mutable_executor_id()->set_value(executor.value());
  call.mutable_executor_exited()->set_status(status);
  if (registration_.registered()) return services_.links.Send(std::move(call));
  untold_exits_.push_back(std::move(call));
}

void Agent::Impl::RemoveExecutor(Executor& executor) {
  assert(executor.state() == Executor::State::kTerminated);
  assert(executor.queue_empty() && executor.launched().empty());
  Framework& framework = executor.framework();
  gc_.Schedule(executor.directory());
  gc_.Schedule(executor.path());
  history_.OnExecutorEnded(executor);
  for (const auto& [id, task] : executor.terminated()) framework.tasks.erase(id);
  auto removed = framework.executors.extract(executor.id());
  assert(!removed.empty() && removed.mapped().get() == &executor);
  DestroyLater(std::move(removed.mapped()), nullptr);
}

void Agent::Impl::RemoveIfIdle(Framework& framework) {
  if (!framework.executors.empty()) return;
  auto removed = frameworks_.extract(framework.id);
  if (removed.empty()) return;  // A nested call has removed it already.
  gc_.Schedule(FrameworkPath(options_.work_dir, AgentId(info_.id().value()), framework.id));
  checkpoint_.RemoveFramework(framework.id);
  history_.OnFrameworkEnded(framework.info);
  DestroyLater(nullptr, std::move(removed.mapped()));
  ExitIfDone();
}

}  // namespace tepui::agent
