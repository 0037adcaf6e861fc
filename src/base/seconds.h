// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace tepui {

// Times as messages and documents of Mesos have them: numbers of seconds.

inline double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Returns the seconds since the Unix epoch.
inline double Seconds(WallTime time) { return Seconds(time.time_since_epoch()); }

// Reads what a peer may have chosen. Returns at least zero, also for what is not a number, and at
// most 50 years, so that sums with points in time stay in range.
inline Duration FromSeconds(double seconds) {
  constexpr double kMost = 50.0 * 365 * 24 * 3600;
  if (!(seconds > 0)) return Duration::zero();
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::min(seconds, kMost)));
}

}  // namespace tepui
