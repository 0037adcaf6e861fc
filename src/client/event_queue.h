// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <queue>
#include <utility>

#include "base/event_loop.h"
#include "base/mutex.h"

namespace tepui::client {

// Runs a client's notifications on a thread of their own, one at a time and in order, so that a
// callback that blocks does not hold up heartbeats and calls. Events that arrive while a callback
// runs are delivered together.
template <class Event>
class EventQueue {
 public:
  using Received = std::function<void(const std::queue<Event>&)>;

  EventQueue(std::string thread_name, size_t max_events, Received received)
      : max_events_(max_events), received_(std::move(received)), loop_(std::move(thread_name)) {}

  // Runs `notification` after those queued earlier. Thread-safe, like Push.
  void Notify(std::function<void()> notification) { loop_.Post(std::move(notification)); }

  // Returns false and drops the event if max_events are waiting already.
  bool Push(Event event) {
    const MutexLock lock(mutex_);
    if (events_.size() >= max_events_) return false;
    events_.push(std::move(event));
    if (events_.size() == 1) loop_.Post([this] { Deliver(); });
    return true;
  }

  // No callback runs afterwards.
  void Stop() { loop_.Stop(); }

 private:
  void Deliver() {
    std::queue<Event> events;
    {
      const MutexLock lock(mutex_);
      events.swap(events_);
    }
    if (!events.empty()) received_(events);
  }

  const size_t max_events_;
  const Received received_;
  Mutex mutex_;
  std::queue<Event> events_ TEPUI_GUARDED_BY(mutex_);
  EventLoop loop_;  // Declared last because its thread uses the other members.
};

}  // namespace tepui::client
