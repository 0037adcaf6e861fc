// SPDX-License-Identifier: Apache-2.0
// What must hold between the master's records after every public method (master_impl.h).

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "master/core/master_impl.h"

namespace tepui::master {

namespace {

// What the tasks and executors of a framework hold on an agent.
using Held = std::map<std::pair<FrameworkId, AgentId>, Resources>;

Status Broken(std::string what) { return Fail(Code::kInternal, "{}", std::move(what)); }

Status CheckAmounts(std::string_view of, const Resources& recorded, const Resources& held) {
  if (recorded == held) return {};
  return Broken(fmt::format("{} is recorded as using {}, but its tasks and executors hold {}", of,
                            recorded.ToString(), held.ToString()));
}

}  // namespace

Status Master::Impl::CheckMembership() const {
  const size_t admitted =
      membership_.count(Standing::kActive) + membership_.count(Standing::kDisconnected);
  if (admitted != agents_.size()) {
    return Broken(fmt::format("{} agents are admitted, but the master has records of {}", admitted,
                              agents_.size()));
  }
  for (const auto& [id, agent] : agents_) {
    const Standing expected = agent->connected ? Standing::kActive : Standing::kDisconnected;
    if (membership_.StandingOf(id) != expected) {
      return Broken(fmt::format("Agent {} is recorded as {}, but not in the membership", id,
                                agent->connected ? "connected" : "disconnected"));
    }
    if (agent->ping.pending() == membership_.IsLeaving(id)) {
      return Broken(fmt::format(
          "Agent {} is {}", id,
          agent->ping.pending() ? "leaving, but still pinged" : "not leaving, but not pinged"));
    }
  }
  return {};
}

Status Master::Impl::CheckInvariants() const {
  if (Status held = CheckMembership(); !held) return held;
  if (Status held = allocator_.CheckInvariants(); !held) return held;
  for (const auto& [id, offer] : offers_) {
    if (!offer->framework->active) {
      return Broken(fmt::format("Offer {} belongs to framework {}, which is not active", id,
                                offer->framework->id));
    }
    if (!offer->agent->connected) {
      return Broken(fmt::format("Offer {} belongs to agent {}, which is not connected", id,
                                offer->agent->id));
    }
    if (!offer->framework->offers.contains(offer.get()) ||
        !offer->agent->offers.contains(offer.get())) {
      return Broken(fmt::format("Offer {} is not listed by its framework and its agent", id));
    }
  }

  Held held;
  for (const auto& [id, framework] : frameworks_) {
    for (auto& [task_id, task] : framework->tasks) {
      if (task.framework != framework.get() || !task.agent->tasks.contains(&task)) {
        return Broken(fmt::format("Task {} is not listed by its agent", task_id));
      }
      if (!task.agent->frameworks.contains(framework.get())) {
        return Broken(fmt::format("Agent {} does not list framework {} of task {}", task.agent->id,
                                  id, task_id));
      }
      if (task.holds_resources) held[{id, task.agent->id}] += task.resources;
    }
  }
  for (const auto& [id, agent] : agents_) {
    for (auto& [key, executor] : agent->executors) {
      if (!executor.framework->executors.contains(&executor)) {
        return Broken(fmt::format("Executor {} is not listed by its framework", key.second));
      }
      held[{key.first, id}] += executor.resources;
    }
    for (const Framework* framework : agent->frameworks) {
      if (!framework->agents.contains(agent.get())) {
        return Broken(fmt::format("Framework {} does not list agent {}", framework->id, id));
      }
    }
  }

  std::map<AgentId, Resources> held_on;
  for (const auto& [key, resources] : held) held_on[key.second] += resources;
  for (const auto& [id, agent] : agents_) {
    if (Status equal = CheckAmounts(fmt::format("Agent {}", id), agent->used, held_on[id]); !equal)
      return equal;
  }
  for (const auto& [id, framework] : frameworks_) {
    for (const auto& [agent, used] : framework->used) {
      const Resources& expected = held[{id, agent->id}];
      if (Status equal =
              CheckAmounts(fmt::format("Framework {} on agent {}", id, agent->id), used, expected);
          !equal)
        return equal;
      held.erase({id, agent->id});
    }
  }
  for (const auto& [key, resources] : held) {
    if (!resources.empty()) {
      return Broken(fmt::format("Framework {} holds {} on agent {}, which is not recorded",
                                key.first, resources.ToString(), key.second));
    }
  }
  return {};
}

}  // namespace tepui::master
