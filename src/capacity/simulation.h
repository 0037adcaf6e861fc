// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "allocator/allocator.h"
#include "base/result.h"
#include "capacity/report.h"
#include "capacity/workload.h"

namespace tepui::capacity {

struct Settings {
  allocator::Options allocation;  // Its weights take precedence over the workload's.
  std::optional<Duration> offer_timeout;
  uint64_t seed = 1;
};

// Called from time to time with the fraction of the simulated time that has passed.
using Progress = std::function<void(double)>;

// Runs the workload through an allocator in virtual time; CheckWorkload must have found no problem.
// Pure: no thread, I/O or other clock. The same arguments give the same report, and with the same
// seed each framework has the same load under other settings.
//
// The error is kTooLarge if, by an unlikely draw, more than twice Limits::kTasks tasks arrive.
Result<Report> Simulate(const Workload& workload, const Settings& settings,
                        const Progress& progress);

}  // namespace tepui::capacity
