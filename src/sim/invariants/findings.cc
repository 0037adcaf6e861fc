// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/findings.h"

namespace tepui::sim {

void Findings::Add(std::string_view invariant, std::string what) {
  if (violations_.size() >= kMost) return;
  world_.Write("VIOLATION of {}: {}", invariant, what);
  violations_.push_back({std::string(invariant), Now(), std::move(what)});
}

}  // namespace tepui::sim
