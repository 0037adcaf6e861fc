#pragma once

#include <functional>
#include <utility>

#include "base/clock.h"

namespace tepui::master {

// One pending callback that ends with its owner: what it captures may be the owner itself. Not
// thread-safe.
class Timer {
 public:
  Timer() = default;
  ~Timer() { Stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Runs `callback` after `delay`, instead of what was pending.
  void Start(Clock& clock, Duration delay, std::move_only_function<void()> callback) {
    Stop();
    clock_ = &clock;
    id_ = clock.After(delay, std::move(callback));
  }

  void Stop() {
    // A timer that has run is unknown to the clock, which is no error.
    if (id_ != 0) clock_->Cancel(std::exchange(id_, 0));
  }

 private:
  Clock* clock_ = nullptr;
  TimerId id_ = 0;
};

}  // namespace tepui::master
