// SPDX-License-Identifier: Apache-2.0
#include "sim/world/paths.h"

#include <fmt/format.h>

namespace tepui::sim {

Path& Paths::Between(const Host& from, const Host& to) {
  const auto found = paths_.find({from, to});
  if (found != paths_.end()) return found->second;
  SeededRandom random = world_.MakeRandom(fmt::format("path {} {}", from, to));
  return paths_.emplace(std::pair(from, to), Path(std::move(random), from == to)).first->second;
}

Duration Paths::NextLatency(Path& path) {
  const Duration spread = path.local_ ? latencies_.min : latencies_.max - latencies_.min;
  const double fraction = path.random_.Fraction();
  const auto beyond = std::chrono::duration_cast<Duration>(fraction * fraction * spread);
  return (latencies_.min + beyond) * slowness_;
}

}  // namespace tepui::sim
