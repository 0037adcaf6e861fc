// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/executor_limits.h"

#include <limits>

namespace tepui::agent {

ExecutorLimits::ExecutorLimits(const Resources& executor)
    : cpus_{.name = ResourceNames::Cpus(), .requested = executor.Scalar(ResourceNames::Cpus())},
      mem_{.name = ResourceNames::Mem(), .requested = executor.Scalar(ResourceNames::Mem())} {}

namespace {

// A limit that is too large to be counted limits nothing on any machine.
bool IsInfinite(double limit) { return limit > static_cast<double>(Amount::kMaxMilli) / 1000; }

}  // namespace

void ExecutorLimits::Count(Sum& sum, const Resources& task, const TaskLimits& limits,
                           int64_t sign) {
  const auto limit = limits.find(sum.name.text());
  if (limit == limits.end()) {
    sum.requested += task.Scalar(sum.name) * sign;
    return;
  }
  sum.limits += sign;
  if (IsInfinite(limit->second.value())) {
    sum.infinite += sign;
  } else {
    sum.limited += Amount::FromDouble(limit->second.value()) * sign;
  }
}

void ExecutorLimits::Add(const Resources& task, const TaskLimits& limits) {
  Count(cpus_, task, limits, 1);
  Count(mem_, task, limits, 1);
}

void ExecutorLimits::Remove(const Resources& task, const TaskLimits& limits) {
  Count(cpus_, task, limits, -1);
  Count(mem_, task, limits, -1);
}

containers::Limits ExecutorLimits::Get() const {
  containers::Limits out;
  for (const Sum* sum : {&cpus_, &mem_}) {
    if (sum->limits == 0) continue;
    out.emplace_back(sum->name.text(), sum->infinite > 0
                                           ? std::numeric_limits<double>::infinity()
                                           : (sum->requested + sum->limited).ToDouble());
  }
  return out;
}

containers::Limits LimitsOf(const v1::TaskInfo& task) {
  containers::Limits out;
  for (const auto& [name, limit] : task.limits()) {
    const bool infinite = IsInfinite(limit.value());
    out.emplace_back(name, infinite ? std::numeric_limits<double>::infinity() : limit.value());
  }
  return out;
}

}  // namespace tepui::agent
