// SPDX-License-Identifier: Apache-2.0
#include "master/membership/removal_limiter.h"

#include <algorithm>

namespace tepui::master {

RemovalLimiter::RemovalLimiter(Clock& clock, std::optional<RemovalRate> rate)
    : clock_(clock),
      interval_(rate ? std::optional(rate->per / rate->agents) : std::nullopt),
      next_(clock.Now()),
      timer_(clock) {}

void RemovalLimiter::Schedule(const AgentId& id, std::move_only_function<void()> remove) {
  if (!interval_) return remove();
  if (!waiting_.try_emplace(id, last_turn_ + 1, std::move(remove)).second) return;
  order_.emplace_back(++last_turn_, id);
  if (!timer_.pending())
    timer_.Set(std::max(Duration::zero(), next_ - clock_.Now()), [this] { RunNext(); });
}

bool RemovalLimiter::Cancel(const AgentId& id) { return waiting_.erase(id) > 0; }

void RemovalLimiter::RunNext() {
  while (!order_.empty()) {
    const auto [turn, id] = std::move(order_.front());
    order_.pop_front();
    const auto it = waiting_.find(id);
    if (it == waiting_.end() || it->second.first != turn) continue;
    auto remove = std::move(it->second.second);
    waiting_.erase(it);
    next_ = clock_.Now() + *interval_;
    timer_.Set(*interval_, [this] { RunNext(); });
    return remove();
  }
}

}  // namespace tepui::master
