// SPDX-License-Identifier: Apache-2.0
#include "base/timer_queue.h"

namespace tepui {

TimerId TimerQueue::Add(MonotonicTime due, std::move_only_function<void()> callback) {
  const TimerId id = ++last_id_;
  timers_.emplace(Key{due, id}, std::move(callback));
  due_.emplace(id, due);
  return id;
}

bool TimerQueue::Cancel(TimerId timer) {
  const auto it = due_.find(timer);
  if (it == due_.end()) return false;
  timers_.erase(Key{it->second, timer});
  due_.erase(it);
  return true;
}

std::optional<MonotonicTime> TimerQueue::NextDue() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

std::move_only_function<void()> TimerQueue::PopDue(MonotonicTime now) {
  if (timers_.empty() || timers_.begin()->first.first > now) return {};
  auto node = timers_.extract(timers_.begin());
  due_.erase(node.key().second);
  return std::move(node.mapped());
}

}  // namespace tepui
