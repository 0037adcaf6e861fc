// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::agent {

namespace v1 = ::mesos::v1;

// The agent's counters (reference 10). Metrics that follow from its state are computed on request
// (Gauges).
struct Metrics {
  std::map<v1::TaskState, uint64_t> ended_tasks;
  uint64_t executors_terminated = 0;
  uint64_t valid_status_updates = 0;
  uint64_t invalid_status_updates = 0;
  uint64_t valid_framework_messages = 0;
  uint64_t invalid_framework_messages = 0;
  uint64_t container_launch_errors = 0;
  std::optional<double> recovery_secs;  // The time that the recovery took; absent until it ends.
};

// Values that are computed from the agent's current state.
struct Gauges {
  double uptime_secs = 0;
  bool registered = false;
  double frameworks_active = 0;
  std::map<v1::TaskState, uint64_t> live_tasks;
  double executors_registering = 0;
  double executors_running = 0;
  double executors_terminating = 0;
  double max_allowed_age_secs = 0;
  bool disk_full = false;
  uint64_t removals_succeeded = 0;
  uint64_t removals_failed = 0;
  uint64_t removals_pending = 0;
  Resources total;
  Resources used;
};

std::vector<std::pair<std::string, double>> FormatMetrics(const Metrics& metrics,
                                                          const Gauges& gauges);

}  // namespace tepui::agent
