// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace tepui::capacity {

// Random arrivals and durations of tasks. Everything here draws from the Random that it is given
// and from nothing else, so the same seed gives the same load.

// How long tasks run: at least kShortest and at most kLongest. Values drawn outside are replaced by
// the bound.
class TaskDuration {
 public:
  static constexpr Duration kShortest = std::chrono::milliseconds(1);
  static constexpr Duration kLongest = std::chrono::hours(24) * 3660;

  static TaskDuration Fixed(Duration duration);
  static TaskDuration Uniform(Duration least, Duration most);
  static TaskDuration Exponential(Duration mean);
  // Half of all are shorter than `median`, 95 of 100 are shorter than `p95`, which must be longer.
  static TaskDuration Lognormal(Duration median, Duration p95);

  Duration Draw(Random& random) const;
  double MeanSeconds() const;

 private:
  enum class Kind { kFixed, kUniform, kExponential, kLognormal };
  TaskDuration(Kind kind, double a, double b) : kind_(kind), a_(a), b_(b) {}

  Kind kind_;
  double a_;  // In seconds: the duration, the minimum or the mean; or the logarithm of the median.
  double b_;  // In seconds: the maximum; or the deviation of the logarithm.
};

struct AllAtStart {
  uint64_t tasks = 0;
};
// One task arrives at the start and then one after each interval.
struct Regular {
  Duration interval{};
};
// Arrivals are independent of each other, `per_hour` on average over a day. `profile` holds the
// relative rates of equal parts of the day, which begins with the simulation; if empty, the rate is
// constant.
struct Poisson {
  double per_hour = 0;
  std::vector<double> profile;
};
using Arrivals = std::variant<AllAtStart, Regular, Poisson>;

// How many tasks arrive in `duration` on average.
double ExpectedTasks(const Arrivals& arrivals, Duration duration);

// Produces the arrivals one after the other.
class ArrivalProcess {
 public:
  // `random` outlives this.
  ArrivalProcess(const Arrivals& arrivals, Random& random);

  struct Batch {
    Duration at{};  // Since the start.
    uint64_t tasks = 1;
  };
  // The next one before `end`; nothing after the last.
  std::optional<Batch> Next(Duration end);

 private:
  std::optional<Duration> NextPoisson(const Poisson& poisson, Duration end);

  const Arrivals& arrivals_;
  Random& random_;
  uint64_t drawn_ = 0;
  Duration last_{};
};

}  // namespace tepui::capacity
