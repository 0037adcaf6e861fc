#pragma once

#include <functional>
#include <mutex>
#include <queue>
#include <utility>

#include "base/event_loop.h"

namespace tepui::client {

// Hands a client's notifications to the user on a thread of their own, one at a time and in order,
// so that a callback that blocks does not hold up heartbeats and calls. Events that arrive while a
// callback runs are delivered together.
template <class Event>
class EventQueue {
 public:
  using Received = std::function<void(const std::queue<Event>&)>;

  EventQueue(std::string thread_name, size_t max_events, Received received)
      : max_events_(max_events), received_(std::move(received)), loop_(std::move(thread_name)) {}

  // Runs `notification` after what was queued before. Thread-safe, as is Push.
  void Notify(std::function<void()> notification) { loop_.Post(std::move(notification)); }

  // False, and the event dropped, if max_events wait already.
  bool Push(Event event) {
    const std::lock_guard lock(mutex_);
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
      const std::lock_guard lock(mutex_);
      events.swap(events_);
    }
    if (!events.empty()) received_(events);
  }

  const size_t max_events_;
  const Received received_;
  std::mutex mutex_;
  std::queue<Event> events_;  // Guarded by mutex_.
  EventLoop loop_;            // Last: its thread uses the rest.
};

}  // namespace tepui::client
