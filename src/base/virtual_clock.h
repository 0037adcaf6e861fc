// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/clock.h"
#include "base/timer_queue.h"

namespace tepui {

// Time that moves only when a test or the simulator advances it. Not thread-safe.
class VirtualClock final : public Clock {
 public:
  // Starts at 2020-01-01T00:00:00Z.
  VirtualClock() = default;

  MonotonicTime Now() const override { return now_; }
  WallTime WallNow() const override;
  TimerId After(Duration delay, std::move_only_function<void()> callback) override;
  bool Cancel(TimerId timer) override { return timers_.Cancel(timer); }

  // Runs every timer due until `by` from now, each at its own instant. Then the time is `by` later.
  void Advance(Duration by);

  // Runs what is due now: timers of zero delay and those that they schedule with zero delay.
  void Settle() { Advance(Duration::zero()); }

  // Moves to the next timer and runs it; false if there is none.
  bool Step();

 private:
  MonotonicTime now_{};
  TimerQueue timers_;
};

}  // namespace tepui
