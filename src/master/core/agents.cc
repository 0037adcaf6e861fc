// SPDX-License-Identifier: Apache-2.0
// Agents: pings, disconnection, unreachability, removal (reference 2.9).

#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "base/units.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"

namespace tepui::master {

namespace {

const std::shared_ptr<const link::Event>& PingEvent() {
  static const auto event = [] {
    auto ping = std::make_shared<link::Event>();
    ping->set_type(link::Event::PING);
    ping->mutable_ping()->set_connected(true);
    return std::shared_ptr<const link::Event>(std::move(ping));
  }();
  return event;
}

}  // namespace

void Master::Impl::StartPings(Agent& agent) {
  agent.awaits_pong = false;
  agent.missed_pings = 0;
  PingTick(agent);
}

// A disconnected agent misses every ping, so it gets the same timeout as one that stops answering.
void Master::Impl::PingTick(Agent& agent) {
  if (agent.awaits_pong) {
    if (++agent.missed_pings >= options_.max_agent_ping_timeouts) {
      GiveUp(agent, fmt::format("Agent did not answer {} pings, one each {}", agent.missed_pings,
                                FormatDuration(options_.agent_ping_timeout)));
      if (agent.leaving) return;
    }
  }
  agent.awaits_pong = true;
  Send(agent, PingEvent());
  agent.ping.Set(options_.agent_ping_timeout, [this, &agent] { PingTick(agent); });
}

void Master::Impl::Disconnect(Agent& agent) {
  spdlog::info("Agent {} ({}) disconnected", agent.id, agent.info.hostname());
  agents_by_stream_.erase(agent.stream);
  agents_by_stream_uuid_.erase(agent.stream_uuid);
  agent.connected = false;
  agent.stream = 0;
  agent.stream_uuid.clear();
  agent.awaits_pong = true;
  RescindOffers(agent);
  allocator_.DeactivateAgent(agent.id);
  publisher_.AgentChanged(agent);
  if (agent.leaving) return;
  agent.reregister.Set(options_.agent_reregister_timeout, [this, &agent] {
    GiveUp(agent, fmt::format("Agent did not come back within {} after its connection ended",
                              FormatDuration(options_.agent_reregister_timeout)));
  });
}

void Master::Impl::MarkUnreachable(Agent& agent, const std::string& why) {
  agent.leaving = true;
  agent.ping.Cancel();
  agent.reregister.Cancel();
  spdlog::warn("Marking agent {} ({}) unreachable: {}", agent.id, agent.info.hostname(), why);
  const WallTime when = clock_.WallNow();
  if (TEPUI_PLANTED_FAULT("loss-not-awaited")) return OnMarkedUnreachable(agent, when, why);
  // A leaving agent stays until the registrar answered: it can be captured.
  registrar_.Commit(change::MarkUnreachable{agent.id, when},
                    lifetime_.Bind([this, &agent, when, why](Status status) {
                      if (status) return OnMarkedUnreachable(agent, when, why);
                      spdlog::error("The registry did not take agent {} for unreachable: {}",
                                    agent.id, status.error().message);
                      Count(Counter::kAgentUnreachableCanceled);
                      agent.leaving = false;
                      StartPings(agent);
                    }));
}

void Master::Impl::OnMarkedUnreachable(Agent& agent, WallTime when, const std::string& why) {
  Count(Counter::kAgentUnreachableCompleted);
  Count(Counter::kAgentRemovals);
  Count(Counter::kAgentRemovalsUnhealthy);
  const AgentId id = agent.id;
  allocator_.RemoveAgent(id);
  UnreachableAgent record{.since = when, .tasks = {}, .number = 0};
  LoseTasks(agent, v1::TASK_UNREACHABLE, when, why, &record);
  EndOperations(agent, v1::OPERATION_UNREACHABLE, why);
  EraseAgent(agent);
  RememberUnreachable(id, std::move(record));
  AnnounceLoss(id);
}

// If `record` is null, the tasks are gone for good.
void Master::Impl::LoseTasks(Agent& agent, v1::TaskState how, WallTime when, const std::string& why,
                             UnreachableAgent* record) {
  const std::vector<Task*> tasks(agent.tasks.begin(), agent.tasks.end());
  for (Task* task : tasks) {
    Framework& framework = *task->framework;
    const v1::Task& message = *task->message;
    if (IsTerminal(message.state()) && IsTerminal(ReportedState(message))) {
      Complete(*task);  // The framework was sent its end; nothing is lost.
      continue;
    }
    const v1::TaskState state = StateFor(framework, how);
    v1::TaskStatus status = MasterStatus(message.task_id().value(), agent.id.value(), state,
                                         ReasonOfRemoval(state), why, clock_.WallNow());
    if (message.has_executor_id()) *status.mutable_executor_id() = message.executor_id();
    if (record != nullptr)
      status.mutable_unreachable_time()->set_nanoseconds(when.time_since_epoch().count());
    UpdateTask(*task, status, state);
    if (record != nullptr) {
      record->tasks.emplace_back(framework.id, TaskId(message.task_id().value()));
      MakeUnreachable(*task);
    } else {
      Complete(*task);
    }
    SendStatus(framework, std::move(status));
  }
}

void Master::Impl::Unregister(Agent& agent, Counter reason, const std::string& why) {
  if (agent.leaving) return;
  agent.leaving = true;
  agent.ping.Cancel();
  agent.reregister.Cancel();
  // A leaving agent stays until the registrar answered: it can be captured.
  registrar_.Commit(
      change::RemoveAgent{agent.id}, lifetime_.Bind([this, &agent, reason, why](Status status) {
        if (status) return OnUnregistered(agent, reason, why);
        spdlog::error("The registry did not remove agent {}: {}", agent.id, status.error().message);
        agent.leaving = false;
        StartPings(agent);
      }));
}

void Master::Impl::OnUnregistered(Agent& agent, Counter reason, const std::string& why) {
  spdlog::info("Removing agent {} ({}): {}", agent.id, agent.info.hostname(), why);
  Count(Counter::kAgentRemovals);
  Count(reason);
  const AgentId id = agent.id;
  const std::string message = fmt::format("Agent {} removed: {}", agent.info.hostname(), why);
  allocator_.RemoveAgent(id);
  LoseTasks(agent, v1::TASK_GONE, clock_.WallNow(), message, nullptr);
  EndOperations(agent, v1::OPERATION_GONE_BY_OPERATOR, message);
  EraseAgent(agent);
  AnnounceLoss(id);
}

void Master::Impl::EraseAgent(Agent& agent) {
  KeepAfterAll(agent.id);  // Cancels its turn to become unreachable, if it waits for one.
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

void Master::Impl::AnnounceLoss(const AgentId& id) {
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::FAILURE);
  event->mutable_failure()->mutable_agent_id()->set_value(id.value());
  for (const auto& [framework_id, framework] : frameworks_) Send(*framework, event);
}

}  // namespace tepui::master
