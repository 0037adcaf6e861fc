// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace tepui::capacity {

// Mean, quantiles and peak of a share or a similar value over time.
struct Spread {
  double mean = 0;
  double p50 = 0;
  double p95 = 0;
  double max = 0;
};

// A number that changes at instants, and its integral over time. Times passed to it never decrease.
// States that lasted no time are ignored.
class Course {
 public:
  void Change(double by, MonotonicTime now) {
    Pass(now);
    value_ += by;
  }
  double value() const { return value_; }
  // The mean since the last call (or the start of time), or the value if no time has passed.
  double TakeMean(MonotonicTime now);

 private:
  void Pass(MonotonicTime now) {
    integral_ += value_ * static_cast<double>((now - last_).count());
    last_ = now;
  }

  double value_ = 0;
  double integral_ = 0;  // Since taken_.
  MonotonicTime last_{};
  MonotonicTime taken_{};
};

// The fraction of a total that is in use, from the start of time on: the exact mean and peak, and
// quantiles to a tenth of a percent.
class ShareCourse {
 public:
  // `total` is in thousandths and positive.
  explicit ShareCourse(int64_t total) : total_(static_cast<double>(total)) {}

  void Change(int64_t by, MonotonicTime now) {
    Pass(now);
    value_ += by;
  }
  int64_t value() const { return value_; }
  // Covers all time until `now`.
  Spread Summary(MonotonicTime now);
  // The mean share since the last call.
  double TakeMean(MonotonicTime now);

 private:
  static constexpr size_t kSteps = 1000;

  void Pass(MonotonicTime now);

  double total_;
  int64_t value_ = 0;
  double integral_ = 0;  // Integral of the share, in nanoseconds.
  double max_ = 0;
  std::array<int64_t, kSteps + 1> time_at_{};  // Nanoseconds, by share.
  MonotonicTime last_{};
  double taken_integral_ = 0;
  MonotonicTime taken_{};
};

}  // namespace tepui::capacity
