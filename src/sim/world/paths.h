// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "sim/world/world.h"

namespace tepui::sim {

// The name of a simulated machine ("master-0", "agent-3", "framework-1", "coordination").
using Host = std::string;

// How packets get from one machine to another: one direction of a pair of hosts.
class Path {
 public:
  bool open() const { return blocks_ == 0; }

 private:
  friend class Paths;
  explicit Path(SeededRandom random, bool local) : random_(std::move(random)), local_(local) {}

  SeededRandom random_;
  const bool local_;  // True within one machine.
  int blocks_ = 0;
};

// All paths, each made on first use; their addresses are stable.
class Paths {
 public:
  struct Latencies {
    Duration min{};
    Duration max{};
  };

  Paths(const World& world, Latencies latencies) : world_(world), latencies_(latencies) {}

  Path& Between(const Host& from, const Host& to);

  // Latency of the next packet, in [min, max), many short and few long. Within a machine it is
  // below twice the minimum.
  Duration NextLatency(Path& path);
  // A number of [0, bound), for other random choices on that path.
  uint64_t Draw(Path& path, uint64_t bound) { return path.random_.Below(bound); }

  // Counted: two Blocks need two Unblocks.
  void Block(const Host& from, const Host& to) { ++Between(from, to).blocks_; }
  void Unblock(const Host& from, const Host& to) { --Between(from, to).blocks_; }

  void SetSlowness(int factor) { slowness_ = factor; }

 private:
  const World& world_;
  const Latencies latencies_;
  int slowness_ = 1;
  std::map<std::pair<Host, Host>, Path> paths_;
};

}  // namespace tepui::sim
