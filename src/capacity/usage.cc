// SPDX-License-Identifier: Apache-2.0
#include "capacity/usage.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tepui::capacity {
namespace {

double Count(Duration duration) { return static_cast<double>(duration.count()); }

}  // namespace

double Course::TakeMean(MonotonicTime now) {
  Pass(now);
  const Duration passed = now - std::exchange(taken_, now);
  const double integral = std::exchange(integral_, 0);
  return passed == Duration::zero() ? value_ : integral / Count(passed);
}

void ShareCourse::Pass(MonotonicTime now) {
  const Duration passed = now - last_;
  if (passed == Duration::zero()) return;
  const double share = static_cast<double>(value_) / total_;
  const double step = std::clamp(std::round(share * kSteps), 0.0, static_cast<double>(kSteps));
  integral_ += share * Count(passed);
  max_ = std::max(max_, share);
  time_at_[static_cast<size_t>(step)] += passed.count();
  last_ = now;
}

Spread ShareCourse::Summary(MonotonicTime now) {
  Pass(now);
  const double time = Count(now.time_since_epoch());
  if (time == 0) return {};
  const auto quantile = [&](double part) {
    double below = 0;
    for (size_t step = 0; step < kSteps; ++step) {
      below += static_cast<double>(time_at_[step]);
      if (below >= part * time) return static_cast<double>(step) / kSteps;
    }
    return 1.0;
  };
  return {.mean = integral_ / time, .p50 = quantile(0.5), .p95 = quantile(0.95), .max = max_};
}

double ShareCourse::TakeMean(MonotonicTime now) {
  Pass(now);
  const Duration passed = now - std::exchange(taken_, now);
  const double integral = integral_ - std::exchange(taken_integral_, integral_);
  return passed == Duration::zero() ? 0 : integral / Count(passed);
}

}  // namespace tepui::capacity
