#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/random.h"

namespace tepui::capacity {

// When tasks arrive and how long they run: what is drawn, and the drawing of it. Everything here
// draws from the Random that it is given and from nothing else, so the same seed gives the same
// load.

// How long tasks run. At least kShortest, at most kLongest: what is drawn outside is the bound.
class TaskDuration {
 public:
  static constexpr Duration kShortest = std::chrono::milliseconds(1);
  static constexpr Duration kLongest = std::chrono::hours(24) * 3660;

  static TaskDuration Fixed(Duration duration);
  static TaskDuration Uniform(Duration least, Duration most);
  static TaskDuration Exponential(Duration mean);
  // Half of all are shorter than `median`, 95 of 100 shorter than `p95`, which is longer.
  static TaskDuration Lognormal(Duration median, Duration p95);

  Duration Draw(Random& random) const;
  double MeanSeconds() const;

 private:
  enum class Kind { kFixed, kUniform, kExponential, kLognormal };
  TaskDuration(Kind kind, double a, double b) : kind_(kind), a_(a), b_(b) {}

  Kind kind_;
  double a_;  // Seconds: the duration, the least, the mean; the median's logarithm.
  double b_;  // Seconds: the most; the logarithm's deviation.
};

struct AllAtStart {
  uint64_t tasks = 0;
};
// One at the start and then one after each interval.
struct Regular {
  Duration interval{};
};
// Independent of each other, `per_hour` in the mean of a day. `profile`: relative rates of equal
// parts of the day, which begins where the simulation does; empty: the same all day.
struct Poisson {
  double per_hour = 0;
  std::vector<double> profile;
};
using Arrivals = std::variant<AllAtStart, Regular, Poisson>;

// How many tasks come in `duration`, in the mean.
double ExpectedTasks(const Arrivals& arrivals, Duration duration);

// The arrivals one after the other.
class ArrivalProcess {
 public:
  // `random` outlives this.
  ArrivalProcess(const Arrivals& arrivals, Random& random);

  struct Batch {
    Duration at{};  // From the start.
    uint64_t tasks = 1;
  };
  // The next that is before `end`; nothing after the last.
  std::optional<Batch> Next(Duration end);

 private:
  std::optional<Duration> NextPoisson(const Poisson& poisson, Duration end);

  const Arrivals& arrivals_;
  Random& random_;
  uint64_t drawn_ = 0;
  Duration last_{};
};

}  // namespace tepui::capacity
