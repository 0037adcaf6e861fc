// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/random.h"
#include "base/virtual_clock.h"
#include "sim/world/trace.h"

namespace tepui::sim {

// State shared by all of a simulated cluster: the one clock that moves, the seed, and the trace.
// The seed determines a run: every random choice comes from a stream made from it, every event from
// a timer of the clock. Single-threaded; outlives everything that is built on it.
class World {
 public:
  World(uint64_t seed, bool keep_trace) : trace_(keep_trace), seed_(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  VirtualClock& clock() { return clock_; }
  Trace& trace() { return trace_; }
  uint64_t seed() const { return seed_; }

  // A separate stream for each name, so that one more choice of one node does not shift those of
  // the others.
  SeededRandom MakeRandom(std::string_view name) const;

  template <class... Args>
  void Write(fmt::format_string<Args...> format, Args&&... args) {
    trace_.Write(clock_.Now(), format, std::forward<Args>(args)...);
  }

 private:
  VirtualClock clock_;
  Trace trace_;
  const uint64_t seed_;
};

}  // namespace tepui::sim
