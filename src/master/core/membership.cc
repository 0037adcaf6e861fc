// SPDX-License-Identifier: Apache-2.0
// Which agents leave when: the removal limiter, agents that did not come back after a failover,
// agents that an operator marks gone, pruning of the registry (reference 4).

#include <cassert>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/planted_fault.h"
#include "base/units.h"
#include "master/core/master_impl.h"

namespace tepui::master {

void Master::Impl::ScheduleUnreachable(Agent& agent, const std::string& why) {
  if (removals_.Waits(agent.id)) return;
  Count(Counter::kAgentUnreachableScheduled);
  removals_.Schedule(agent.id, [this, id = agent.id, why] { MarkUnreachable(id, why); });
}

void Master::Impl::CancelUnreachable(const AgentId& id) {
  if (removals_.Cancel(id)) Count(Counter::kAgentUnreachableCanceled);
}

void Master::Impl::MarkUnreachable(const AgentId& id, const std::string& why) {
  BeginRemoval(
      id,
      {.how = Removal::How::kUnreachable, .reason = Counter::kAgentRemovalsUnhealthy, .why = why});
}

void Master::Impl::ScheduleMissing() {
  const std::vector<AgentId> missing = membership_.Recovered();
  const double fraction =
      static_cast<double>(missing.size()) / static_cast<double>(registry_agents_);
  if (fraction > options_.recovery_agent_removal_limit) {
    return options_.exit(Error{
        Code::kUnavailable,
        fmt::format("{} of the registry's {} agents have not reregistered, more than the {:.0f} "
                    "% of --recovery_agent_removal_limit: find out why they cannot reach "
                    "this master, or raise the limit to let them become unreachable",
                    missing.size(), registry_agents_,
                    100 * options_.recovery_agent_removal_limit)});
  }
  for (const AgentId& id : missing) {
    if (removals_.Waits(id)) continue;
    removals_.Schedule(id, [this, id] { MarkMissingUnreachable(id); });
  }
}

void Master::Impl::MarkMissingUnreachable(const AgentId& id) {
  // An agent that came back meanwhile stays. One that is coming back now may still be refused.
  if (membership_.StandingOf(id) != Standing::kRecovered) return;
  if (membership_.IsBeingWritten(id)) return ScheduleMissingLater();
  MarkUnreachable(id, fmt::format("Agent did not reregister within {} after the master started",
                                  FormatDuration(options_.agent_reregister_timeout)));
}

void Master::Impl::ScheduleMissingLater() {
  recovery_timer_.Set(kRegistryRetry, [this] {
    if (membership_.count(Standing::kRecovered) > 0) ScheduleMissing();
  });
}

void Master::Impl::MarkAgentGone(const security::Caller& caller, const AgentId& id, Reply reply) {
  const Standing standing = membership_.StandingOf(id);
  if (standing == Standing::kGone) return reply({});
  if (membership_.IsBeingWritten(id)) {
    return reply(Fail(Code::kUnavailable,
                      "The registry is being changed for agent '{}'; try again soon", id));
  }
  if (standing == Standing::kUnknown)
    return reply(Fail(Code::kNotFound, "There is no agent '{}'", id));
  spdlog::info("Marking agent {} gone, as {} asked", id, OperatorName(caller));
  if (TEPUI_PLANTED_FAULT("gone-not-awaited")) std::exchange(reply, nullptr)({});
  BeginRemoval(
      id, {.how = Removal::How::kGone, .reason = std::nullopt, .why = "Agent has been marked gone"},
      std::move(reply));
}

void Master::Impl::RemoveAgent(Agent& agent, Counter reason, const std::string& why) {
  if (membership_.IsLeaving(agent.id)) return;
  BeginRemoval(agent.id, {.how = Removal::How::kRemoved, .reason = reason, .why = why});
}

void Master::Impl::PruneRegistry() {
  prune_timer_.Set(options_.registry_gc_interval, [this] { PruneRegistry(); });
  if (pruning_) return;
  const WallTime now = clock_.WallNow();
  auto [unreachable, gone] = membership_.BeginPruning(now);
  const change::Prune pruned{.unreachable = std::move(unreachable),
                             .gone = std::move(gone),
                             .removed_frameworks = RemovedFrameworksToPrune(now)};
  if (pruned.unreachable.empty() && pruned.gone.empty() && pruned.removed_frameworks.empty())
    return;
  pruning_ = true;
  registrar_.Commit(pruned, lifetime_.Bind([this, pruned](const Status& status) {
    pruning_ = false;
    if (status) return OnPruned(pruned);
    for (const AgentId& id : pruned.unreachable) membership_.AbandonRemoval(id);
    for (const AgentId& id : pruned.gone) membership_.AbandonRemoval(id);
  }));
}

std::vector<FrameworkId> Master::Impl::RemovedFrameworksToPrune(WallTime now) const {
  const WallTime oldest = now - options_.registry_max_agent_age;
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
  for (const AgentId& id : pruned.unreachable) ForgetTasks(membership_.Forget(id));
  for (const AgentId& id : pruned.gone) membership_.Forget(id);
  for (const FrameworkId& id : pruned.removed_frameworks) {
    removed_.erase(id);
    assert(removed_order_.front().second == id);
    removed_order_.pop_front();
  }
}

}  // namespace tepui::master
