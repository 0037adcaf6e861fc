// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/ids.h"
#include "base/timer.h"

namespace tepui::master {

struct RemovalRate {
  int agents = 1;                          // Positive.
  Duration per = std::chrono::seconds(1);  // Positive.
};

// Keeps agents that stopped answering from being removed all at once (reference 4, 7.2:
// agent_removal_rate_limit): if many stop together, the network or the master is the likelier
// cause. Removals run in the order of the calls, evenly spaced. At most all agents wait.
class RemovalLimiter {
 public:
  RemovalLimiter(Clock& clock, std::optional<RemovalRate> rate);

  // Runs `remove` when the agent's turn comes; without a rate, at once, inside this call. An agent
  // that waits already keeps its turn, and the new `remove` is dropped.
  void Schedule(const AgentId& id, std::move_only_function<void()> remove);

  // Call it when the agent answered or left otherwise. Returns true if the agent waited.
  bool Cancel(const AgentId& id);

  bool Waits(const AgentId& id) const { return waiting_.contains(id); }

 private:
  void RunNext();

  Clock& clock_;
  const std::optional<Duration> interval_;
  MonotonicTime next_{};                            // When the next removal may run.
  std::deque<std::pair<uint64_t, AgentId>> order_;  // Canceled turns are skipped.
  std::unordered_map<AgentId, std::pair<uint64_t, std::move_only_function<void()>>> waiting_;
  uint64_t last_turn_ = 0;
  Timer timer_;
};

}  // namespace tepui::master
