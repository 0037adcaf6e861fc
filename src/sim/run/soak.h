#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/flags.h"
#include "sim/run/run.h"

namespace tepui::sim {

// What sim_soak is asked to do.
struct SoakFlags {
  RunSpec spec;              // Its seed is that of the first run.
  std::optional<int> seeds;  // So many runs, each with the seed after that of the one before.
  std::optional<Duration> duration;  // Or as many as begin within this real time.
  bool trace = false;

  void Declare(FlagTable* table);
  // What does not go together, after they were parsed.
  Status Check(const FlagTable& table) const;
};

// Explores one seed after another until it finds a violation: then it says which, cuts the run's
// faults down to those it takes, and says how to see it again. Talks on stdout, of its progress on
// stderr. Returns the exit code: 0, or 1 after a violation. `program` is how it was called.
int Soak(const SoakFlags& flags, const std::string& program);

}  // namespace tepui::sim
