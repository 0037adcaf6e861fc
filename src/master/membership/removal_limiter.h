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

// Keeps agents that stopped answering from leaving all at once (reference 4, 7.2:
// agent_removal_rate_limit): a mass of them is rather the network's or the master's fault. In the
// order of asking, evenly spaced. As many wait as there are agents.
class RemovalLimiter {
 public:
  RemovalLimiter(Clock& clock, std::optional<RemovalRate> rate);

  // Runs `remove` when it is the agent's turn; without a rate at once, inside this call. An agent
  // that waits already keeps its turn.
  void Schedule(const AgentId& id, std::move_only_function<void()> remove);

  // The agent answered, or is gone otherwise. True if it waited.
  bool Cancel(const AgentId& id);

  bool Waits(const AgentId& id) const { return waiting_.contains(id); }

 private:
  void RunNext();

  Clock& clock_;
  const std::optional<Duration> interval_;
  MonotonicTime next_{};                            // When the next one may go.
  std::deque<std::pair<uint64_t, AgentId>> order_;  // Canceled ones are skipped.
  std::unordered_map<AgentId, std::pair<uint64_t, std::move_only_function<void()>>> waiting_;
  uint64_t last_turn_ = 0;
  Timer timer_;
};

}  // namespace tepui::master
