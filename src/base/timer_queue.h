// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace tepui {

// Pending timers in the order in which they are due. Every Clock is built on it. Not thread-safe.
class TimerQueue {
 public:
  TimerId Add(MonotonicTime due, std::move_only_function<void()> callback);
  bool Cancel(TimerId timer);

  std::optional<MonotonicTime> NextDue() const;
  bool empty() const { return timers_.empty(); }

  // Removes and returns the first timer if it is due at `now`; else returns an empty function.
  std::move_only_function<void()> PopDue(MonotonicTime now);

 private:
  using Key = std::pair<MonotonicTime,
                        TimerId>;  // Ids grow, so timers due at once run in scheduling order.

  std::map<Key, std::move_only_function<void()>> timers_;
  std::unordered_map<TimerId, MonotonicTime> due_;
  TimerId last_id_ = 0;
};

}  // namespace tepui
