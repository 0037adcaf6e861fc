// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/planted_fault.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"

namespace tepui::master {

void Master::Impl::GiveUp(Agent& agent, const std::string& why) {
  if (removals_.Waits(agent.id)) return;
  Count(Counter::kAgentUnreachableScheduled);
  removals_.Schedule(agent.id, [this, &agent, why] { MarkUnreachable(agent, why); });
}

void Master::Impl::KeepAfterAll(const AgentId& id) {
  if (removals_.Cancel(id)) Count(Counter::kAgentUnreachableCanceled);
}

void Master::Impl::GiveUpRecovered() {
  const size_t known = options_.registry.agents.size();
  const double missing = static_cast<double>(recovered_.size()) / static_cast<double>(known);
  if (missing > options_.recovery_agent_removal_limit) {
    return options_.exit(Error{
        Code::kUnavailable,
        fmt::format("{} of the registry's {} agents have not come back, more than the {:.0f} % of "
                    "--recovery_agent_removal_limit: find out what keeps them from this master, or "
                    "raise the limit to give them up",
                    recovered_.size(), known, 100 * options_.recovery_agent_removal_limit)});
  }
  std::vector<AgentId> missed;
  missed.reserve(recovered_.size());
  for (const auto& [id, info] : recovered_) missed.push_back(id);
  for (const AgentId& id : missed) {
    if (removals_.Waits(id)) continue;
    removals_.Schedule(id, [this, id] { MarkRecoveredUnreachable(id); });
  }
}

void Master::Impl::MarkRecoveredUnreachable(const AgentId& id) {
  // An agent that came back meanwhile stays. One that is coming back now may still be refused.
  if (!recovered_.contains(id)) return;
  if (!at_registrar_.insert(id).second) return GiveUpRecoveredLater();
  const WallTime when = clock_.WallNow();
  registrar_.Commit(change::MarkUnreachable{id, when}, Guarded([this, id, when](Status status) {
                      at_registrar_.erase(id);
                      if (!status) {
                        spdlog::error("The registry did not take agent {} for unreachable: {}", id,
                                      status.error().message);
                        return GiveUpRecoveredLater();
                      }
                      recovered_.erase(id);
                      Count(Counter::kRecoveryAgentRemovals);
                      Count(Counter::kAgentRemovals);
                      Count(Counter::kAgentRemovalsUnhealthy);
                      RememberUnreachable(id, {.since = when, .tasks = {}, .number = 0});
                      AnnounceLoss(id);
                    }));
}

void Master::Impl::GiveUpRecoveredLater() {
  recovery_timer_.Set(kRegistryRetry, [this] {
    if (!recovered_.empty()) GiveUpRecovered();
  });
}

void Master::Impl::RememberUnreachable(const AgentId& id, UnreachableAgent agent) {
  agent.number = next_unreachable_++;
  unreachable_order_.emplace(agent.number, id);
  unreachable_.insert_or_assign(id, std::move(agent));
  // Between two intervals the limit may be exceeded by at most a tenth.
  if (unreachable_.size() > options_.registry_max_agent_count / 10 * 11 + 1) PruneRegistry();
}

void Master::Impl::MarkAgentGone(const AgentId& id, Reply reply) {
  if (gone_.contains(id)) return reply({});
  const Agent* agent = FindAgent(id.value());
  if (at_registrar_.contains(id) || (agent != nullptr && agent->leaving)) {
    return reply(Fail(Code::kUnavailable,
                      "The registry is just writing about agent '{}'; try again soon", id));
  }
  if (agent == nullptr && !recovered_.contains(id) && !unreachable_.contains(id))
    return reply(Fail(Code::kNotFound, "There is no agent '{}'", id));
  if (agent != nullptr) {
    Agent& leaving = *agents_.at(id);
    leaving.leaving = true;
    leaving.ping.Cancel();
    leaving.reregister.Cancel();
    KeepAfterAll(id);
  }
  at_registrar_.insert(id);
  if (TEPUI_PLANTED_FAULT("gone-not-awaited")) std::exchange(reply, [](const Status&) {})({});
  const WallTime when = clock_.WallNow();
  registrar_.Commit(change::MarkGone{id, when},
                    Guarded([this, id, when, reply = std::move(reply)](Status status) mutable {
                      at_registrar_.erase(id);
                      if (status) {
                        OnMarkedGone(id, when);
                      } else if (Agent* kept = FindAgent(id.value()); kept != nullptr) {
                        kept->leaving = false;
                        StartPings(*kept);
                      }
                      reply(std::move(status));
                    }));
}

void Master::Impl::OnMarkedGone(const AgentId& id, WallTime when) {
  spdlog::info("Agent {} was marked gone by an operator", id);
  gone_.insert_or_assign(id, when);
  recovered_.erase(id);
  const std::string why = "Agent has been marked gone";
  if (const auto lost = unreachable_.find(id); lost != unreachable_.end()) {
    for (const auto& [framework_id, task_id] : lost->second.tasks) {
      Framework* framework = FindFramework(framework_id);
      if (framework == nullptr) continue;
      UnreachableTasks::Message task = framework->unreachable.Remove(task_id);
      if (task == nullptr) continue;
      const v1::TaskState state = StateFor(*framework, v1::TASK_GONE_BY_OPERATOR);
      v1::TaskStatus status =
          MasterStatus(task_id.value(), id.value(), state, ReasonOfRemoval(state), why, when);
      if (task->has_executor_id()) *status.mutable_executor_id() = task->executor_id();
      EndUnreachable(*framework, std::move(task), status);
      if (TEPUI_PLANTED_FAULT("lost-tasks-of-gone-not-told")) continue;
      SendStatus(*framework, std::move(status));
    }
    ForgetUnreachable(id);
  }
  Agent* agent = FindAgent(id.value());
  if (agent == nullptr) return;
  link::Event event;
  event.set_type(link::Event::SHUTDOWN);
  event.set_message(why);
  Send(*agent, std::move(event));
  Count(Counter::kAgentRemovals);
  allocator_.RemoveAgent(id);
  LoseTasks(*agent, v1::TASK_GONE_BY_OPERATOR, when, why, nullptr);
  EndOperations(*agent, v1::OPERATION_GONE_BY_OPERATOR, why);
  EraseAgent(*agent);
  AnnounceLoss(id);
}

void Master::Impl::PruneRegistry() {
  prune_timer_.Set(options_.registry_gc_interval, [this] { PruneRegistry(); });
  if (pruning_) return;
  const WallTime oldest = clock_.WallNow() - options_.registry_max_agent_age;
  std::vector<AgentId> unreachable;
  size_t left = unreachable_.size();
  for (const auto& [number, id] : unreachable_order_) {
    if (left <= options_.registry_max_agent_count && unreachable_.at(id).since >= oldest) break;
    --left;
    if (!at_registrar_.contains(id)) unreachable.push_back(id);
  }
  change::Prune pruned{.unreachable = std::move(unreachable),
                       .gone = GoneToForget(oldest),
                       .removed_frameworks = RemovedToForget(oldest)};
  if (pruned.unreachable.empty() && pruned.gone.empty() && pruned.removed_frameworks.empty())
    return;
  pruning_ = true;
  at_registrar_.insert(pruned.unreachable.begin(), pruned.unreachable.end());
  registrar_.Commit(pruned, Guarded([this, pruned](const Status& status) {
                      pruning_ = false;
                      for (const AgentId& id : pruned.unreachable) at_registrar_.erase(id);
                      if (status) OnPruned(pruned);
                    }));
}

std::vector<AgentId> Master::Impl::GoneToForget(WallTime oldest) const {
  std::vector<std::pair<WallTime, AgentId>> by_age;
  by_age.reserve(gone_.size());
  for (const auto& [id, since] : gone_) by_age.emplace_back(since, id);
  std::ranges::sort(by_age);
  std::vector<AgentId> forgotten;
  size_t left = by_age.size();
  for (const auto& [since, id] : by_age) {
    if (left-- <= options_.registry_max_agent_count && since >= oldest) break;
    forgotten.push_back(id);
  }
  return forgotten;
}

std::vector<FrameworkId> Master::Impl::RemovedToForget(WallTime oldest) const {
  std::vector<FrameworkId> forgotten;
  size_t left = removed_order_.size();
  for (const auto& [since, id] : removed_order_) {
    if (left-- <= options_.registry_max_agent_count && since >= oldest) break;
    forgotten.push_back(id);
  }
  return forgotten;
}

void Master::Impl::OnPruned(const change::Prune& pruned) {
  spdlog::info("Forgot {} unreachable and {} gone agents and {} removed frameworks",
               pruned.unreachable.size(), pruned.gone.size(), pruned.removed_frameworks.size());
  for (const AgentId& id : pruned.unreachable) ForgetUnreachable(id);
  for (const AgentId& id : pruned.gone) gone_.erase(id);
  for (const FrameworkId& id : pruned.removed_frameworks) {
    removed_.erase(id);
    removed_order_.pop_front();  // They were chosen in this order.
  }
}

}  // namespace tepui::master
