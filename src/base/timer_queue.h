#pragma once

#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace tepui {

// Pending timers in due order. The common part of every Clock; not thread-safe.
class TimerQueue {
 public:
  TimerId Add(MonotonicTime due, std::move_only_function<void()> callback);
  bool Cancel(TimerId timer);

  std::optional<MonotonicTime> NextDue() const;
  bool empty() const { return timers_.empty(); }

  // Takes the first timer if it is due at `now`; an empty function if none is.
  std::move_only_function<void()> PopDue(MonotonicTime now);

 private:
  using Key = std::pair<MonotonicTime, TimerId>;  // Ids grow: ties run in scheduling order.

  std::map<Key, std::move_only_function<void()>> timers_;
  std::unordered_map<TimerId, MonotonicTime> due_;
  TimerId last_id_ = 0;
};

}  // namespace tepui
