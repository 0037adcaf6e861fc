// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sim/cluster/fault.h"
#include "sim/invariants/findings.h"

namespace tepui::sim {

// A whole run: a cluster of real cores under faults for `length`, then without faults for
// kConvergence to come to rest, then the checks at rest.
struct RunSpec {
  // Longer than any timeout of a cluster: agents that do not come back are removed, executors that
  // do not end are killed, statuses are sent again.
  static constexpr Duration kConvergence = std::chrono::minutes(15);

  uint64_t seed = 0;
  ClusterSize size;
  int faults = 20;
  // What an operator does beside the faults; without any, a seed's run is what it was before there
  // were operators.
  int operator_acts = 4;
  Duration length = std::chrono::minutes(20);
  // Only these of the run's faults and acts, by number; all of them if there is no value.
  std::optional<std::vector<int>> only;
  bool keep_trace = false;
  std::FILE* trace_to = nullptr;  // If not null, the trace is written there as it grows.
  // If not empty, the run ends with the first violation of that invariant.
  std::string stop_at;

  // Success if the run makes sense; otherwise the error names every problem.
  Status Check() const;
  // The faults, and after them the acts of the operator. Their places are their numbers.
  std::vector<Fault> Faults() const;
};

struct RunResult {
  std::vector<Violation> violations;  // In order; at most 100.
  uint64_t trace_hash = 0;
  uint64_t trace_lines = 0;
  std::string trace;          // Only if keep_trace is set.
  std::vector<Fault> faults;  // RunSpec::Faults, including those that `only` left out.
  // Show that a run did something.
  uint64_t tasks_launched = 0;
  uint64_t tasks_finished = 0;
  uint64_t elections = 0;
};

// `spec` must have passed its Check.
RunResult Run(const RunSpec& spec);

}  // namespace tepui::sim
