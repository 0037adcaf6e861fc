// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/flags.h"
#include "sim/run/run.h"

namespace tepui::sim {

// The flags of sim_soak.
struct SoakFlags {
  RunSpec spec;              // Its seed is that of the first run.
  std::optional<int> seeds;  // Number of runs; each uses the seed after that of the one before.
  std::optional<Duration> duration;  // Alternatively, runs are begun within this real time.
  bool trace = false;

  void Declare(FlagTable* table);
  // Returns an error for flags that do not go together, after they were parsed.
  Status Check(const FlagTable& table) const;
};

// Explores one seed after another until it finds a violation: then it prints it, reduces the run's
// faults to those that are needed, and prints how to reproduce it. Writes to stdout, and its
// progress to stderr. Returns the exit code: 0, or 1 after a violation. `program` is the name by
// which it was called.
int Soak(const SoakFlags& flags, const std::string& program);

}  // namespace tepui::sim
