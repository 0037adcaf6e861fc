#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace tepui::capacity {

// A share in the course of time, or the like of it: mean, quantiles and peak.
struct Spread {
  double mean = 0;
  double p50 = 0;
  double p95 = 0;
  double max = 0;
};

// A number that changes at instants, and its integral over time. Calls come with times that do not
// fall. States that lasted no time leave no trace.
class Course {
 public:
  void Change(double by, MonotonicTime now) {
    Pass(now);
    value_ += by;
  }
  double value() const { return value_; }
  // The mean since the last call (or the start of time); the value if no time passed.
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

// How much of a total is in use, from the start of time on: the exact mean and peak, and quantiles
// to a tenth of a percent.
class ShareCourse {
 public:
  // `total` in thousandths, positive.
  explicit ShareCourse(int64_t total) : total_(static_cast<double>(total)) {}

  void Change(int64_t by, MonotonicTime now) {
    Pass(now);
    value_ += by;
  }
  int64_t value() const { return value_; }
  // Over all time until `now`.
  Spread Summary(MonotonicTime now);
  // The mean share since the last call.
  double TakeMean(MonotonicTime now);

 private:
  static constexpr size_t kSteps = 1000;

  void Pass(MonotonicTime now);

  double total_;
  int64_t value_ = 0;
  double integral_ = 0;  // Of the share, in nanoseconds.
  double max_ = 0;
  std::array<int64_t, kSteps + 1> time_at_{};  // Nanoseconds, by share.
  MonotonicTime last_{};
  double taken_integral_ = 0;
  MonotonicTime taken_{};
};

}  // namespace tepui::capacity
