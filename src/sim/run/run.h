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

// A whole run: a cluster of real cores under faults for `length`, then calm, then kConvergence to
// come to rest, then the checks of the quiet end.
struct RunSpec {
  // Longer than any timeout of a cluster: agents that do not come back are given up, executors that
  // do not end are killed, statuses are sent again.
  static constexpr Duration kConvergence = std::chrono::minutes(15);

  uint64_t seed = 0;
  ClusterSize size;
  int faults = 20;
  Duration length = std::chrono::minutes(20);
  // Only these of the run's faults, by number (empty optional: all).
  std::optional<std::vector<int>> only;
  bool keep_trace = false;
  std::FILE* trace_to = nullptr;  // The trace is written there as it comes, if not null.
  // Ends with the first violation of that invariant, if not empty.
  std::string stop_at;

  // Success if the run makes sense; otherwise every problem.
  Status Check() const;
};

struct RunResult {
  std::vector<Violation> violations;  // In order; at most 100.
  uint64_t trace_hash = 0;
  uint64_t trace_lines = 0;
  std::string trace;          // If kept.
  std::vector<Fault> faults;  // All of them, whatever `only` left out.
  // To see that a run did something.
  uint64_t tasks_launched = 0;
  uint64_t tasks_finished = 0;
  uint64_t elections = 0;
};

// `spec` passed its Check.
RunResult Run(const RunSpec& spec);

}  // namespace tepui::sim
