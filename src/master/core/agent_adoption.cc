// SPDX-License-Identifier: Apache-2.0
// The master adopts what a returning agent brings: it adds what the agent runs to its records, or
// compares the two (reference 2.7, 2.9).

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"
#include "master/rules/resource_form.h"

namespace tepui::master {

namespace {

// After a failover all agents report their histories at about the same time, and each framework
// keeps only the last entries. Histories that arrive within this time are read together, so that
// few entries are parsed and then dropped.
constexpr Duration kHistoryPause = std::chrono::seconds(1);

// Returns the role for resources that an agent reports without one. A framework may have left all
// of its roles and still run what it launched in them.
std::string RoleOfUnallocated(const Framework& framework) {
  return framework.roles.empty() ? "*" : framework.roles.front();
}

// Brings the resources of something that the agent reports into the master's form and reads them.
// Fails if they are not valid, or if they and what the agent uses already are beyond the bounds of
// Resources::CheckBounds: an agent may report any number of tasks, of any size.
Result<Resources> ReadReported(const Agent& agent, ResourceList* list, const std::string& role) {
  if (Status normal = Normalize(list, role); !normal) return Fail(normal.error());
  Result<Resources> resources = Resources::FromProto(*list);
  if (!resources) return resources;
  if (Status bounded = (agent.used + *resources).CheckBounds(); !bounded)
    return Fail(bounded.error());
  return resources;
}

}  // namespace

void Master::Impl::AdoptFrameworks(const link::Call::Subscribe& subscribe) {
  for (const v1::FrameworkInfo& info : subscribe.frameworks()) {
    const FrameworkId id(info.id().value());
    if (FindFramework(id) != nullptr || IsCompleted(id)) continue;
    Framework& framework = AddFramework(info, {});
    LinkOperations(framework);
    // Its failover timeout starts again, at least as long as agents have to find the new master.
    RemoveAfter(framework, std::max(FailoverTimeout(framework), options_.agent_reregister_timeout));
  }
}

void Master::Impl::SendFrameworks(Agent& agent, const link::Call::Subscribe& subscribe) {
  for (const v1::FrameworkInfo& info : subscribe.frameworks()) {
    if (Framework* framework = FindFramework(FrameworkId(info.id().value()));
        framework != nullptr) {
      Associate(*framework, agent);
      Send(agent, UpdateEvent(*framework));
    } else if (!TEPUI_PLANTED_FAULT("removed-framework-kept-by-agents-away")) {
      link::Event event;
      event.set_type(link::Event::SHUTDOWN_FRAMEWORK);
      *event.mutable_shutdown_framework() = info.id();
      Send(agent, std::move(event));
    }
  }
}

void Master::Impl::AdoptRunning(Agent& agent, link::Call::Subscribe& subscribe,
                                const char* announce) {
  for (v1::Task& reported : *subscribe.mutable_tasks()) {
    Task* task = AdoptTask(agent, std::move(reported));
    if (task == nullptr || announce == nullptr) continue;
    const v1::Task& message = *task->message;
    const bool early = TEPUI_PLANTED_FAULT("end-told-before-what-came-before");
    v1::TaskStatus status =
        MasterStatus(message.task_id().value(), agent.id.value(),
                     early ? message.state() : ReportedState(message),
                     v1::TaskStatus::REASON_AGENT_REREGISTERED, announce, clock_.WallNow());
    AddTaskFacts(message, &status);
    SendStatus(*task->framework, std::move(status));
  }
  if (TEPUI_PLANTED_FAULT("returning-executors-not-counted")) subscribe.clear_executors();
  for (const link::Call::Executor& executor : subscribe.executors()) AdoptExecutor(agent, executor);
  if (!agent.operation_feedback) return;
  for (const v1::Operation& operation : subscribe.operations()) AdoptOperation(agent, operation);
}

Task* Master::Impl::AdoptTask(Agent& agent, v1::Task message) {
  Framework* framework = FindFramework(FrameworkId(message.framework_id().value()));
  if (framework == nullptr) return nullptr;  // Removed: the agent gets SHUTDOWN_FRAMEWORK.
  const TaskId id(message.task_id().value());
  if (const UnreachableTasks::Message lost = framework->unreachable.Remove(id); lost != nullptr) {
    counters_.TaskLeaves(lost->state());
    if (!IsTerminal(lost->state())) --framework->counters.tasks[lost->state()];
  }
  message.mutable_agent_id()->set_value(agent.id.value());
  Result<Resources> resources =
      ReadReported(agent, message.mutable_resources(), RoleOfUnallocated(*framework));
  if (!resources) {
    spdlog::error("Agent {} reports task {} of framework {} with resources that are not valid: {}",
                  agent.id, id, framework->id, resources.error().message);
    return nullptr;
  }
  Task* const task = AddTask(*framework, agent, std::move(message), std::move(*resources));
  if (task == nullptr) {
    spdlog::error("Agent {} reports task {} of framework {}, which is already running on agent {}",
                  agent.id, id, framework->id, framework->tasks.at(id).agent->id);
  }
  return task;
}

Executor* Master::Impl::AdoptExecutor(Agent& agent, const link::Call::Executor& reported) {
  if (reported.command_executor()) return nullptr;
  Framework* framework = FindFramework(FrameworkId(reported.framework_id().value()));
  if (framework == nullptr) return nullptr;
  v1::ExecutorInfo info = reported.info();
  if (FindExecutor(agent, framework->id, info.executor_id().value()) != nullptr) return nullptr;
  Result<Resources> resources =
      ReadReported(agent, info.mutable_resources(), RoleOfUnallocated(*framework));
  if (!resources) {
    spdlog::error(
        "Agent {} reports executor {} of framework {} with resources that are not valid: {}",
        agent.id, info.executor_id().value(), framework->id, resources.error().message);
    return nullptr;
  }
  return &AddExecutor(*framework, agent, info, std::move(*resources));
}

void Master::Impl::AdoptOperation(Agent& agent, const v1::Operation& message) {
  if (agent.operations.contains(message.uuid().value())) return;
  const v1::OperationStatus& latest = message.latest_status();
  if (IsTerminal(latest.state()) && !latest.has_uuid()) return;  // No acknowledgement is due.
  AddOperation(FindFramework(FrameworkId(message.framework_id().value())), agent, message);
}

void Master::Impl::AdoptHistory(link::Call::Subscribe& subscribe) {
  const auto limit = static_cast<size_t>(std::max(0, options_.max_completed_tasks_per_framework));
  for (link::Call::CompletedFramework& completed : *subscribe.mutable_completed_frameworks()) {
    Framework* framework = FindFramework(FrameworkId(completed.info().id().value()));
    if (framework == nullptr) continue;
    for (std::string& task : *completed.mutable_tasks()) {
      framework->reported_history.push_back(std::move(task));
      if (framework->reported_history.size() > limit) framework->reported_history.pop_front();
    }
    unread_histories_.insert(framework->id);
  }
  if (unread_histories_.empty() || history_timer_.pending()) return;
  history_timer_.Set(kHistoryPause, [this] { ReadHistories(); });
}

void Master::Impl::ReadHistories() {
  for (const FrameworkId& id : std::exchange(unread_histories_, {})) {
    if (Framework* framework = FindFramework(id); framework != nullptr) ReadHistory(*framework);
  }
}

void Master::Impl::ReadHistory(Framework& framework) {
  for (const std::string& bytes : std::exchange(framework.reported_history, {})) {
    auto task = std::make_shared<v1::Task>();
    if (!task->ParseFromString(bytes)) {
      spdlog::warn("An agent reports a completed task of framework {} that cannot be read",
                   framework.id);
      continue;
    }
    const TaskId id(task->task_id().value());
    if (framework.tasks.contains(id) || framework.unreachable.Contains(id)) continue;
    AddCompleted(framework, std::move(task));
  }
}

void Master::Impl::ForgetTasks(const Membership::Tasks& unreachable) {
  for (const auto& [framework_id, task_id] : unreachable) {
    Framework* framework = FindFramework(framework_id);
    if (framework == nullptr) continue;
    const UnreachableTasks::Message lost = framework->unreachable.Remove(task_id);
    if (lost == nullptr) continue;
    counters_.TaskLeaves(lost->state());
    if (!IsTerminal(lost->state())) --framework->counters.tasks[lost->state()];
    publisher_.TaskMoved(framework_id, task_id, TaskPhase::kUnreachable, nullptr);
  }
}

void Master::Impl::CompareTasks(Agent& agent, const link::Call::Subscribe& subscribe) {
  std::unordered_set<const Task*> reported;
  for (const v1::Task& message : subscribe.tasks()) {
    Framework* framework = FindFramework(FrameworkId(message.framework_id().value()));
    if (framework == nullptr) continue;
    const auto it = framework->tasks.find(TaskId(message.task_id().value()));
    if (it != framework->tasks.end() && it->second.agent == &agent) {
      reported.insert(&it->second);
      // The KILL may have been lost with the stream.
      if (it->second.kill_requested && !IsTerminal(message.state())) SendKill(it->second, nullptr);
    } else if (it == framework->tasks.end() && !IsTerminal(message.state())) {
      if (const Task* task = AdoptTask(agent, message); task != nullptr) {
        reported.insert(task);
        allocator_.Allocate(framework->id, agent.id, task->resources);
      }
    }
    // A terminal task that is unknown here was acknowledged before. The agent retries its status
    // until it gets the acknowledgement.
  }
  std::map<FrameworkId, link::Event> missing;
  for (const Task* task : agent.tasks) {
    if (reported.contains(task)) continue;
    link::Event& event = missing[task->framework->id];
    event.set_type(link::Event::RECONCILE_TASKS);
    link::Event::ReconcileTasks& reconcile = *event.mutable_reconcile_tasks();
    reconcile.mutable_framework_id()->set_value(task->framework->id.value());
    // The agent may not know the framework, and its capabilities determine the answer.
    if (!reconcile.has_framework_info())
      *reconcile.mutable_framework_info() = task->framework->info;
    *reconcile.add_task_ids() = task->message->task_id();
  }
  for (auto& [framework, event] : missing) Send(agent, std::move(event));
}

void Master::Impl::CompareExecutors(Agent& agent, const link::Call::Subscribe& subscribe) {
  std::unordered_set<const Executor*> reported;
  for (const link::Call::Executor& message : subscribe.executors()) {
    const FrameworkId framework(message.framework_id().value());
    if (Executor* executor = FindExecutor(agent, framework, message.info().executor_id().value())) {
      reported.insert(executor);
    } else if (Executor* adopted = AdoptExecutor(agent, message)) {
      reported.insert(adopted);
      allocator_.Allocate(framework, agent.id, adopted->resources);
    }
  }
  std::vector<Executor*> ended;
  for (auto& [key, executor] : agent.executors) {
    if (!reported.contains(&executor)) ended.push_back(&executor);
  }
  for (Executor* executor : ended) RemoveExecutor(*executor);
}

void Master::Impl::CompareOperations(Agent& agent, const link::Call::Subscribe& subscribe) {
  std::unordered_set<std::string> reported;
  for (const v1::Operation& operation : subscribe.operations()) {
    reported.insert(operation.uuid().value());
    if (agent.operation_feedback) AdoptOperation(agent, operation);
  }
  // Asks about the operations that the agent never got; it answers that they were dropped.
  link::Event event;
  event.set_type(link::Event::RECONCILE_OPERATIONS);
  for (const auto& [uuid, operation] : agent.operations) {
    if (!reported.contains(uuid)) event.mutable_reconcile_operations()->add_operation_uuids(uuid);
  }
  if (event.has_reconcile_operations()) Send(agent, std::move(event));
}

}  // namespace tepui::master
