// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sim/world/world.h"

namespace tepui::sim {

struct Violation {
  std::string invariant;  // A name of invariants.h, or "no-exception" if a core threw.
  MonotonicTime when{};
  std::string what;
};

// Violations that were found, in order, each with its time; each is also a line of the trace. The
// first kMost are kept: those that follow a first violation seldom add information.
class Findings {
 public:
  static constexpr size_t kMost = 100;

  explicit Findings(World& world) : world_(world) {}

  // `invariant` is a name that docs/testing/simulator.md explains.
  template <class... Args>
  void Report(std::string_view invariant, fmt::format_string<Args...> format, Args&&... args) {
    Add(invariant, fmt::format(format, std::forward<Args>(args)...));
  }

  const std::vector<Violation>& violations() const { return violations_; }
  MonotonicTime Now() const { return world_.clock().Now(); }

 private:
  void Add(std::string_view invariant, std::string what);

  World& world_;
  std::vector<Violation> violations_;
};

}  // namespace tepui::sim
