// SPDX-License-Identifier: Apache-2.0
#include "sim/world/world.h"

namespace tepui::sim {

SeededRandom World::MakeRandom(std::string_view name) const {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, because std::hash may differ between libraries.
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  // The finalizer of SplitMix64: seeds that differ in one bit give unrelated results.
  uint64_t seed = hash + seed_ * 0x9e3779b97f4a7c15;
  seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
  seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
  return SeededRandom(seed ^ (seed >> 31));
}

}  // namespace tepui::sim
