// SPDX-License-Identifier: Apache-2.0
// Tasks and executors: the tables, statuses, acknowledgements, kills (reference 2.5-2.7).

#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "base/seconds.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"
#include "model/task.h"

namespace tepui::master {

namespace {

constexpr size_t kUuidBytes = 16;

}  // namespace

void Master::Impl::Associate(Framework& framework, Agent& agent) {
  if (agent.frameworks.insert(&framework)) framework.agents.insert(&agent);
}

void Master::Impl::Hold(Framework& framework, Agent& agent, const Resources& resources) {
  if (resources.empty()) return;
  if (!TEPUI_PLANTED_FAULT("held-by-agent-only")) framework.used[&agent] += resources;
  agent.used += resources;
  publisher_.FrameworkTouched(framework);
  publisher_.AgentTouched(agent);
}

void Master::Impl::Release(Framework& framework, Agent& agent, const Resources& resources) {
  const auto used = framework.used.find(&agent);
  if (used != framework.used.end()) {
    used->second -= resources;
    if (used->second.empty()) framework.used.erase(used);
  }
  agent.used -= resources;
  allocator_.Release(framework.id, agent.id, resources, std::nullopt);
  if (TEPUI_PLANTED_FAULT("recovered-twice"))
    allocator_.Release(framework.id, agent.id, resources, std::nullopt);
  publisher_.FrameworkTouched(framework);
  publisher_.AgentTouched(agent);
}

Task* Master::Impl::AddTask(Framework& framework, Agent& agent, v1::Task message,
                            Resources resources) {
  const v1::TaskState state = message.state();
  const auto [place, added] = framework.tasks.try_emplace(TaskId(message.task_id().value()));
  if (!added) return nullptr;
  Task& task = place->second;
  task.framework = &framework;
  task.agent = &agent;
  task.message = std::make_shared<v1::Task>(std::move(message));
  task.resources = std::move(resources);
  agent.tasks.insert(&task);
  Associate(framework, agent);
  if (!IsTerminal(state)) {
    task.holds_resources = true;
    Hold(framework, agent, task.resources);
    counters_.TaskEnters(state);
    ++framework.counters.tasks[state];
  }
  publisher_.TaskChanged(task);
  return &task;
}

Executor& Master::Impl::AddExecutor(Framework& framework, Agent& agent,
                                    const v1::ExecutorInfo& info, Resources resources) {
  Executor& executor = agent.executors[{framework.id, ExecutorId(info.executor_id().value())}];
  executor.framework = &framework;
  executor.agent = &agent;
  executor.info = info;
  executor.resources = std::move(resources);
  framework.executors.insert(&executor);
  Associate(framework, agent);
  Hold(framework, agent, executor.resources);
  publisher_.FrameworkTouched(framework);
  return executor;
}

void Master::Impl::RemoveExecutor(Executor& executor) {
  Framework& framework = *executor.framework;
  Agent& agent = *executor.agent;
  Release(framework, agent, executor.resources);
  framework.executors.erase(&executor);
  const ExecutorId id(executor.info.executor_id().value());
  agent.executors.erase({framework.id, id});
}

Executor* Master::Impl::FindExecutor(Agent& agent, const FrameworkId& framework,
                                     const std::string& id) {
  const auto it = agent.executors.find({framework, ExecutorId(id)});
  return it == agent.executors.end() ? nullptr : &it->second;
}

void Master::Impl::OnStatusUpdate(Agent& agent, const link::Call::StatusUpdate& update) {
  Count(Counter::kMessagesStatusUpdate);
  v1::TaskStatus status = update.status();
  const FrameworkId framework_id(update.framework_id().value());
  Framework* framework = FindFramework(framework_id);
  if (status.uuid().size() != kUuidBytes || framework == nullptr) {
    Count(Counter::kInvalidStatusUpdates);
    spdlog::warn("Ignoring a status of task {} of framework {} from agent {}: {}",
                 status.task_id().value(), framework_id, agent.id,
                 framework == nullptr ? "unknown framework" : "it has no uuid");
    const bool away = TEPUI_PLANTED_FAULT("removed-framework-kept-by-agents-away");
    if (framework == nullptr && IsCompleted(framework_id) && !away) {
      // The agent missed the framework's end and would retry forever.
      link::Event event;
      event.set_type(link::Event::SHUTDOWN_FRAMEWORK);
      *event.mutable_shutdown_framework() = update.framework_id();
      Send(agent, std::move(event));
    }
    return;
  }
  if (!status.has_agent_id()) status.mutable_agent_id()->set_value(agent.id.value());
  const auto it = framework->tasks.find(TaskId(status.task_id().value()));
  Task* task = it != framework->tasks.end() && it->second.agent == &agent ? &it->second : nullptr;

  // The framework must also acknowledge a status of a task that is not in the master's records any
  // more: the agent waits for that.
  if (framework->connected()) {
    if (task != nullptr) {
      v1::Task& message = publisher_.Edit(*task);
      message.set_status_update_state(status.state());
      message.set_status_update_uuid(status.uuid());
    }
    SendStatus(*framework, status);
  }
  const bool valid = framework->connected() && task != nullptr;
  Count(valid ? Counter::kValidStatusUpdates : Counter::kInvalidStatusUpdates);
  if (task != nullptr) {
    UpdateTask(*task, status, update.has_latest_state() ? update.latest_state() : status.state());
  }
}

void Master::Impl::UpdateTask(Task& task, const v1::TaskStatus& status, v1::TaskState latest) {
  v1::Task& message = publisher_.Edit(task);
  const v1::TaskState before = message.state();
  if (!IsTerminal(before) && before != latest) {
    message.set_state(latest);
    counters_.TaskLeaves(before);
    --task.framework->counters.tasks[before];
    ++task.framework->counters.tasks[latest];
    if (IsTerminal(latest)) {
      v1::TaskStatus end = status;
      end.set_state(latest);
      if (latest != status.state()) end.clear_reason();  // It belongs to an earlier state.
      CountEnd(end);
    } else {
      counters_.TaskEnters(latest);
    }
  }

  model::AddToHistory(status, &message);

  // Resources of a terminal task are free before the framework acknowledges (reference 2.7).
  if (IsTerminal(message.state()) && std::exchange(task.holds_resources, false))
    Release(*task.framework, *task.agent, task.resources);
}

void Master::Impl::CountEnd(const v1::TaskStatus& status) {
  counters_.TaskEnters(status.state());
  counters_.TaskReason(status);
}

void Master::Impl::SendStatus(Framework& framework, v1::TaskStatus status) {
  if (!framework.connected()) return;
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::UPDATE);
  *event->mutable_update()->mutable_status() = std::move(status);
  Send(framework, std::move(event));
}

void Master::Impl::DetachTask(Task& task) {
  if (std::exchange(task.holds_resources, false))
    Release(*task.framework, *task.agent, task.resources);
  task.agent->tasks.erase(&task);
  const TaskId id(task.message->task_id().value());
  task.framework->tasks.erase(id);
}

void Master::Impl::MoveToHistory(Task& task) {
  Framework& framework = *task.framework;
  std::shared_ptr<const v1::Task> message = task.message;
  DetachTask(task);
  AddCompleted(framework, std::move(message));
}

void Master::Impl::AddCompleted(Framework& framework, std::shared_ptr<const v1::Task> message) {
  TaskId id(message->task_id().value());
  publisher_.TaskMoved(framework.id, id, TaskPhase::kCompleted, std::move(message));
  framework.completed.push_back(std::move(id));
  if (TEPUI_PLANTED_FAULT("history-never-cut")) return;
  while (framework.completed.size() >
         static_cast<size_t>(std::max(0, options_.max_completed_tasks_per_framework))) {
    publisher_.TaskMoved(framework.id, framework.completed.front(), TaskPhase::kCompleted, nullptr);
    framework.completed.pop_front();
  }
}

void Master::Impl::MakeUnreachable(Task& task) {
  Framework& framework = *task.framework;
  const TaskId id(task.message->task_id().value());
  UnreachableTasks::Message message = task.message;
  DetachTask(task);
  publisher_.TaskMoved(framework.id, id, TaskPhase::kUnreachable, message);
  framework.unreachable.Add(id, std::move(message));
  while (framework.unreachable.size() >
         static_cast<size_t>(std::max(0, options_.max_unreachable_tasks_per_framework))) {
    const auto [oldest, forgotten] = framework.unreachable.RemoveOldest();
    if (!IsTerminal(forgotten->state())) {
      counters_.TaskLeaves(forgotten->state());
      --framework.counters.tasks[forgotten->state()];
    }
    publisher_.TaskMoved(framework.id, oldest, TaskPhase::kUnreachable, nullptr);
  }
}

void Master::Impl::EndUnreachable(Framework& framework, UnreachableTasks::Message lost,
                                  const v1::TaskStatus& end) {
  if (!IsTerminal(lost->state())) {
    lost = std::make_shared<v1::Task>(*lost);  // Readers share the old one.
    counters_.TaskLeaves(lost->state());
    --framework.counters.tasks[lost->state()];
    ++framework.counters.tasks[end.state()];
    lost->set_state(end.state());
    *lost->add_statuses() = end;
    CountEnd(end);
  }
  AddCompleted(framework, std::move(lost));
}

void Master::Impl::Acknowledge(Framework& framework,
                               const SchedulerCall::Acknowledge& acknowledge) {
  Count(Counter::kMessagesStatusUpdateAcknowledgement);
  const auto refuse = [&](const std::string& why) {
    Count(Counter::kInvalidStatusUpdateAcknowledgements);
    spdlog::warn("Ignoring an acknowledgement of framework {} for task {}: {}", framework.id,
                 acknowledge.task_id().value(), why);
  };
  Agent* agent = FindAgent(acknowledge.agent_id().value());
  if (agent == nullptr || !agent->connected) {
    return refuse(fmt::format("agent {} is not connected", acknowledge.agent_id().value()));
  }
  const auto it = framework.tasks.find(TaskId(acknowledge.task_id().value()));
  if (it != framework.tasks.end() && it->second.agent == agent) {
    const v1::Task& message = *it->second.message;
    if (!message.has_status_update_uuid())
      return refuse("no status that needs an acknowledgement was sent");
    // A terminal task is kept until it is acknowledged (reference 2.7: completed is terminal and
    // acknowledged).
    if (IsTerminal(message.status_update_state()) &&
        message.status_update_uuid() == acknowledge.uuid()) {
      MoveToHistory(it->second);
    }
  } else if (TEPUI_PLANTED_FAULT("late-acknowledgement-refused")) {
    return refuse("the task is unknown");
  }
  link::Event event;
  event.set_type(link::Event::STATUS_ACKNOWLEDGEMENT);
  event.mutable_status_acknowledgement()->mutable_framework_id()->set_value(framework.id.value());
  *event.mutable_status_acknowledgement()->mutable_task_id() = acknowledge.task_id();
  event.mutable_status_acknowledgement()->set_uuid(acknowledge.uuid());
  Send(*agent, std::move(event));
  Count(Counter::kValidStatusUpdateAcknowledgements);
}

void Master::Impl::Kill(Framework& framework, const SchedulerCall::Kill& kill) {
  Count(Counter::kMessagesKillTask);
  const auto it = framework.tasks.find(TaskId(kill.task_id().value()));
  if (it == framework.tasks.end()) {
    // The framework's view is stale: send it what is known of the task instead.
    SchedulerCall::Reconcile::Task asked;
    *asked.mutable_task_id() = kill.task_id();
    if (kill.has_agent_id()) *asked.mutable_agent_id() = kill.agent_id();
    return ReconcileTask(framework, asked, Seconds(clock_.WallNow()));
  }
  Task& task = it->second;
  if (kill.has_agent_id() && kill.agent_id().value() != task.agent->id.value()) {
    return Drop(framework, "KILL",
                fmt::format("task {} is on agent {}, not on {}", it->first, task.agent->id,
                            kill.agent_id().value()));
  }
  task.kill_requested = true;
  SendKill(task, kill.has_kill_policy() ? &kill.kill_policy() : nullptr);
}

void Master::Impl::SendKill(Task& task, const v1::KillPolicy* policy) {
  link::Event event;
  event.set_type(link::Event::KILL_TASK);
  event.mutable_kill_task()->mutable_framework_id()->set_value(task.framework->id.value());
  *event.mutable_kill_task()->mutable_task_id() = task.message->task_id();
  if (policy != nullptr) *event.mutable_kill_task()->mutable_kill_policy() = *policy;
  Send(*task.agent, std::move(event));
}

}  // namespace tepui::master
