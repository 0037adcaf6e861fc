// SPDX-License-Identifier: Apache-2.0
#include "capacity/load.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/seconds.h"

namespace tepui::capacity {
namespace {

constexpr Duration kDay = std::chrono::hours(24);
// The 95th percentile is this many deviations above the median.
constexpr double kP95Deviations = 1.6448536269514722;

// In (0, 1]: its logarithm is finite.
double PositiveFraction(Random& random) { return 1.0 - random.Fraction(); }

double DrawNormal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(PositiveFraction(random)));
  return radius * std::cos(2 * std::numbers::pi * random.Fraction());
}

}  // namespace

TaskDuration TaskDuration::Fixed(Duration duration) { return {Kind::kFixed, Seconds(duration), 0}; }
TaskDuration TaskDuration::Uniform(Duration least, Duration most) {
  return {Kind::kUniform, Seconds(least), Seconds(most)};
}
TaskDuration TaskDuration::Exponential(Duration mean) {
  return {Kind::kExponential, Seconds(mean), 0};
}
TaskDuration TaskDuration::Lognormal(Duration median, Duration p95) {
  return {Kind::kLognormal, std::log(Seconds(median)),
          std::log(Seconds(p95) / Seconds(median)) / kP95Deviations};
}

Duration TaskDuration::Draw(Random& random) const {
  double seconds = a_;
  switch (kind_) {
    case Kind::kFixed:
      break;
    case Kind::kUniform:
      seconds = a_ + (b_ - a_) * random.Fraction();
      break;
    case Kind::kExponential:
      seconds = -a_ * std::log(PositiveFraction(random));
      break;
    case Kind::kLognormal:
      seconds = std::exp(a_ + b_ * DrawNormal(random));
      break;
  }
  seconds = std::clamp(seconds, Seconds(kShortest), Seconds(kLongest));
  return std::chrono::round<Duration>(std::chrono::duration<double>(seconds));
}

double TaskDuration::MeanSeconds() const {
  switch (kind_) {
    case Kind::kUniform:
      return (a_ + b_) / 2;
    case Kind::kLognormal:
      return std::exp(a_ + b_ * b_ / 2);
    case Kind::kFixed:
    case Kind::kExponential:
      break;
  }
  return a_;
}

double ExpectedTasks(const Arrivals& arrivals, Duration duration) {
  if (const auto* all = std::get_if<AllAtStart>(&arrivals)) return static_cast<double>(all->tasks);
  if (const auto* regular = std::get_if<Regular>(&arrivals)) {
    return std::ceil(Seconds(duration) / Seconds(regular->interval));
  }
  const auto& poisson = std::get<Poisson>(arrivals);
  const double constant = poisson.per_hour * Seconds(duration) / 3600;
  if (poisson.profile.empty()) return constant;
  // Sums the last, incomplete day exactly.
  const double parts = static_cast<double>(poisson.profile.size());
  const double days = Seconds(duration) / Seconds(kDay);
  double left = (days - std::floor(days)) * parts;
  double sum = 0;
  for (const double rate : poisson.profile) {
    sum += rate * std::clamp(left, 0.0, 1.0);
    left -= 1;
  }
  const double whole = std::accumulate(poisson.profile.begin(), poisson.profile.end(), 0.0);
  return poisson.per_hour * 24 * (std::floor(days) + sum / whole);
}

ArrivalProcess::ArrivalProcess(const Arrivals& arrivals, Random& random)
    : arrivals_(arrivals), random_(random) {}

std::optional<ArrivalProcess::Batch> ArrivalProcess::Next(Duration end) {
  if (const auto* all = std::get_if<AllAtStart>(&arrivals_)) {
    if (drawn_++ != 0 || all->tasks == 0) return std::nullopt;
    return Batch{.at = Duration::zero(), .tasks = all->tasks};
  }
  if (const auto* regular = std::get_if<Regular>(&arrivals_)) {
    if (drawn_++ != 0) last_ += regular->interval;
    if (last_ >= end) return std::nullopt;
    return Batch{.at = last_, .tasks = 1};
  }
  const std::optional<Duration> at = NextPoisson(std::get<Poisson>(arrivals_), end);
  if (!at) return std::nullopt;
  return Batch{.at = *at, .tasks = 1};
}

// The time to the next arrival is exponential in the integral of the rate, so the loop advances one
// part of the day at a time. Parts with rate 0 are skipped.
std::optional<Duration> ArrivalProcess::NextPoisson(const Poisson& poisson, Duration end) {
  const double per_second = poisson.per_hour / 3600;
  double left = -std::log(PositiveFraction(random_));
  if (poisson.profile.empty()) {
    const double seconds = left / per_second;
    if (seconds >= Seconds(end - last_)) return std::nullopt;
    last_ += std::chrono::round<Duration>(std::chrono::duration<double>(seconds));
  } else {
    const auto parts = static_cast<int64_t>(poisson.profile.size());
    const double sum = std::accumulate(poisson.profile.begin(), poisson.profile.end(), 0.0);
    for (;;) {
      if (last_ >= end) return std::nullopt;
      const int64_t part = (last_ % kDay) * parts / kDay;
      // Rounded up, so that the next step begins inside the next part.
      const Duration part_end =
          last_ - last_ % kDay + ((part + 1) * kDay + Duration(parts - 1)) / parts;
      const double rate = per_second * static_cast<double>(parts) *
                          poisson.profile[static_cast<size_t>(part)] / sum;
      const double taken = rate * Seconds(part_end - last_);
      if (taken > left) {
        last_ += std::chrono::round<Duration>(std::chrono::duration<double>(left / rate));
        break;
      }
      left -= taken;
      last_ = part_end;
    }
  }
  if (last_ >= end) return std::nullopt;
  return last_;
}

}  // namespace tepui::capacity
