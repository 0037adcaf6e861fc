// SPDX-License-Identifier: Apache-2.0
// The one way out of the cluster: agents become unreachable, are marked gone or are removed
// (reference 2.9, 4).

#include "master/core/removal.h"

#include <cassert>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"

namespace tepui::master {

namespace {

using How = Removal::How;

// What the three ways out have in common is the code below; what they differ in is here.
struct Way {
  std::string_view name;
  v1::TaskState task;
  v1::OperationState operation;
};

const Way& WayOf(How how) {
  static constexpr Way kUnreachable = {"unreachable", v1::TASK_UNREACHABLE,
                                       v1::OPERATION_UNREACHABLE};
  static constexpr Way kGone = {"gone", v1::TASK_GONE_BY_OPERATOR, v1::OPERATION_GONE_BY_OPERATOR};
  static constexpr Way kRemoved = {"removed", v1::TASK_GONE, v1::OPERATION_GONE_BY_OPERATOR};
  if (how == How::kUnreachable) return kUnreachable;
  return how == How::kGone ? kGone : kRemoved;
}

RegistryChange ChangeFor(const AgentId& id, const Removal& removal) {
  if (removal.how == How::kUnreachable) return change::MarkUnreachable{id, removal.when};
  if (removal.how == How::kGone) return change::MarkGone{id, removal.when};
  return change::RemoveAgent{id};
}

}  // namespace

void Master::Impl::BeginRemoval(const AgentId& id, Removal removal, Reply reply) {
  removal.when = clock_.WallNow();
  const bool unreachable = removal.how == How::kUnreachable;
  spdlog::log(unreachable ? spdlog::level::warn : spdlog::level::info, "Marking agent {} {}: {}",
              NameForLog(id), WayOf(removal.how).name, removal.why);
  if (Agent* agent = FindAgent(id.value()); agent != nullptr) StopWatching(*agent);
  membership_.BeginRemoval(id);
  if (unreachable && TEPUI_PLANTED_FAULT("loss-not-awaited")) return CompleteRemoval(id, removal);
  registrar_.Commit(
      ChangeFor(id, removal),
      lifetime_.Bind([this, id, removal, reply = std::move(reply)](Status status) mutable {
        if (status) {
          CompleteRemoval(id, removal);
        } else {
          AbandonRemoval(id, removal, status.error());
        }
        if (reply) reply(std::move(status));
      }));
}

void Master::Impl::CompleteRemoval(const AgentId& id, const Removal& removal) {
  Agent* const agent = FindAgent(id.value());
  const bool live = agent != nullptr;
  CountRemoval(removal, live);
  Membership::Tasks tasks;
  if (live) tasks = RemoveLive(*agent, removal);
  if (removal.how == How::kUnreachable) {
    membership_.MarkUnreachable(id, removal.when, std::move(tasks));
  } else if (removal.how == How::kGone) {
    LoseUnreachable(id, membership_.MarkGone(id, removal.when), removal);
  } else {
    membership_.Forget(id);
  }
  if (live || removal.how == How::kUnreachable) AnnounceLoss(id);
  if (membership_.HasTooManyUnreachable()) PruneRegistry();
}

void Master::Impl::AbandonRemoval(const AgentId& id, const Removal& removal, const Error& error) {
  spdlog::error("The registry refused to record agent {} as {}: {}", id, WayOf(removal.how).name,
                error.message);
  membership_.AbandonRemoval(id);
  const bool unreachable = removal.how == How::kUnreachable;
  if (Agent* agent = FindAgent(id.value()); agent != nullptr) {
    if (unreachable) Count(Counter::kAgentUnreachableCanceled);
    StartPings(*agent);
  } else if (unreachable) {
    ScheduleMissingLater();
  }
}

// An agent that was not connected to this master is counted only when it becomes unreachable; to
// mark it gone loses nothing more.
void Master::Impl::CountRemoval(const Removal& removal, bool live) {
  const bool unreachable = removal.how == How::kUnreachable;
  if (!live && !unreachable) return;
  if (unreachable)
    Count(live ? Counter::kAgentUnreachableCompleted : Counter::kRecoveryAgentRemovals);
  Count(Counter::kAgentRemovals);
  if (removal.reason) Count(*removal.reason);
}

Membership::Tasks Master::Impl::RemoveLive(Agent& agent, const Removal& removal) {
  std::string why = removal.why;
  if (removal.how == How::kGone) {
    link::Event event;
    event.set_type(link::Event::SHUTDOWN);
    event.set_message(why);
    Send(agent, std::move(event));
  } else if (removal.how == How::kRemoved) {
    why = fmt::format("Agent {} removed: {}", agent.info.hostname(), why);
  }
  allocator_.RemoveAgent(agent.id);
  Membership::Tasks unreachable = LoseTasks(agent, removal, why);
  EndOperations(agent, WayOf(removal.how).operation, why);
  EraseAgent(agent);
  return unreachable;
}

// Returns those that become unreachable.
Membership::Tasks Master::Impl::LoseTasks(Agent& agent, const Removal& removal,
                                          const std::string& why) {
  const bool unreachable = removal.how == How::kUnreachable;
  Membership::Tasks lost;
  const std::vector<Task*> tasks(agent.tasks.begin(), agent.tasks.end());
  for (Task* task : tasks) {
    Framework& framework = *task->framework;
    const v1::Task& message = *task->message;
    if (IsTerminal(message.state()) && IsTerminal(ReportedState(message))) {
      MoveToHistory(*task);  // The framework was sent its end; nothing is lost.
      continue;
    }
    const v1::TaskState state = StateFor(framework, WayOf(removal.how).task);
    v1::TaskStatus status = MasterStatus(message.task_id().value(), agent.id.value(), state,
                                         ReasonOfRemoval(state), why, clock_.WallNow());
    if (message.has_executor_id()) *status.mutable_executor_id() = message.executor_id();
    if (unreachable) {
      status.mutable_unreachable_time()->set_nanoseconds(removal.when.time_since_epoch().count());
    }
    UpdateTask(*task, status, state);
    if (unreachable) {
      lost.emplace_back(framework.id, TaskId(message.task_id().value()));
      MakeUnreachable(*task);
    } else {
      MoveToHistory(*task);
    }
    SendStatus(framework, std::move(status));
  }
  return lost;
}

void Master::Impl::EraseAgent(Agent& agent) {
  assert(agent.tasks.empty() && agent.operations.empty());
  std::vector<Executor*> executors;
  for (auto& [key, executor] : agent.executors) executors.push_back(&executor);
  for (Executor* executor : executors) RemoveExecutor(*executor);
  RescindOffers(agent);
  for (Framework* framework : agent.frameworks) {
    framework->agents.erase(&agent);
    framework->used.erase(&agent);
  }
  if (agent.connected) {
    agents_by_stream_.erase(agent.stream);
    agents_by_stream_uuid_.erase(agent.stream_uuid);
    links_.Close(agent.stream);
  }
  const auto it = agents_by_pid_.find(agent.pid);
  if (it != agents_by_pid_.end() && it->second == &agent) agents_by_pid_.erase(it);
  publisher_.AgentRemoved(agent);
  const AgentId id = agent.id;
  agents_.erase(id);
}

// Frameworks learn that tasks of theirs, which were unreachable, are gone with the agent.
void Master::Impl::LoseUnreachable(const AgentId& id, const Membership::Tasks& tasks,
                                   const Removal& removal) {
  for (const auto& [framework_id, task_id] : tasks) {
    Framework* framework = FindFramework(framework_id);
    if (framework == nullptr) continue;
    UnreachableTasks::Message task = framework->unreachable.Remove(task_id);
    if (task == nullptr) continue;
    const v1::TaskState state = StateFor(*framework, WayOf(removal.how).task);
    v1::TaskStatus status = MasterStatus(task_id.value(), id.value(), state, ReasonOfRemoval(state),
                                         removal.why, removal.when);
    if (task->has_executor_id()) *status.mutable_executor_id() = task->executor_id();
    EndUnreachable(*framework, std::move(task), status);
    if (TEPUI_PLANTED_FAULT("lost-tasks-of-gone-not-told")) continue;
    SendStatus(*framework, std::move(status));
  }
}

void Master::Impl::AnnounceLoss(const AgentId& id) {
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::FAILURE);
  event->mutable_failure()->mutable_agent_id()->set_value(id.value());
  for (const auto& [framework_id, framework] : frameworks_) Send(*framework, event);
}

std::string Master::Impl::NameForLog(const AgentId& id) const {
  const auto it = agents_.find(id);
  const v1::AgentInfo* info =
      it != agents_.end() ? &it->second->info : membership_.RecoveredInfo(id);
  return info == nullptr ? id.value() : fmt::format("{} ({})", id, info->hostname());
}

}  // namespace tepui::master
