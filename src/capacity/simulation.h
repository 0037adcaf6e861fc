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
  allocator::Options allocation;  // Its weights go before the workload's.
  std::optional<Duration> offer_timeout;
  uint64_t seed = 1;
};

// Told the part of the simulated time that has passed, from time to time.
using Progress = std::function<void(double)>;

// Runs the workload, which CheckWorkload has found nothing wrong with, through an allocator in
// virtual time. Pure: no thread, I/O or other clock. The same arguments give the same report, and
// each framework the same load under other settings with the same seed.
//
// kTooLarge if, by an unlikely draw, more than twice Limits::kTasks tasks arrive.
Result<Report> Simulate(const Workload& workload, const Settings& settings,
                        const Progress& progress);

}  // namespace tepui::capacity
