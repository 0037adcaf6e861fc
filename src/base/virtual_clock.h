#pragma once

#include <functional>

#include "base/clock.h"
#include "base/timer_queue.h"

namespace tepui {

// Time that moves only when told to: for unit tests and the simulator. Not thread-safe.
class VirtualClock final : public Clock {
 public:
  // Starts at 2020-01-01T00:00:00Z.
  VirtualClock() = default;

  MonotonicTime Now() const override { return now_; }
  WallTime WallNow() const override;
  TimerId After(Duration delay, std::move_only_function<void()> callback) override;
  bool Cancel(TimerId timer) override { return timers_.Cancel(timer); }

  // Runs every timer due until `by` from now, each at its own instant, then stands there.
  void Advance(Duration by);

  // Runs what is due now (timers of zero delay and what they schedule with zero delay).
  void Settle() { Advance(Duration::zero()); }

  // Moves to the next timer and runs it; false if there is none.
  bool Step();

 private:
  MonotonicTime now_{};
  TimerQueue timers_;
};

}  // namespace tepui
