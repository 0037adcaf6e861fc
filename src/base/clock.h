// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace tepui {

using Duration = std::chrono::nanoseconds;

// Time since the Unix epoch, for the wire and for logs. It may jump.
using WallTime = std::chrono::sys_time<Duration>;

// Time since an arbitrary start, for timers and timeouts. It never goes back.
struct MonotonicClock {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using MonotonicTime = MonotonicClock::time_point;

// No timer has the id 0.
using TimerId = uint64_t;

// Time as a core sees it. A core calls its Clock, and is called by it, on the core's own thread
// only. Implemented by EventLoop (real time) and VirtualClock (tests, the simulator).
class Clock {
 public:
  virtual ~Clock() = default;

  virtual MonotonicTime Now() const = 0;
  virtual WallTime WallNow() const = 0;

  // Runs `callback` once, after `delay` (>= 0) has passed and never from inside this call.
  // Callbacks due at the same instant run in the order in which they were scheduled.
  virtual TimerId After(Duration delay, std::move_only_function<void()> callback) = 0;

  // Returns true if the timer was pending; it will not run. An unknown or past timer is no error.
  virtual bool Cancel(TimerId timer) = 0;
};

}  // namespace tepui
