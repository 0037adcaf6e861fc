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

// How packets get from one machine to another: one way of each pair of hosts.
class Path {
 public:
  bool open() const { return blocks_ == 0; }

 private:
  friend class Paths;
  explicit Path(SeededRandom random, bool local) : random_(std::move(random)), local_(local) {}

  SeededRandom random_;
  const bool local_;  // Within one machine.
  int blocks_ = 0;
};

// Every Path, made when it is first asked for; their addresses stay.
class Paths {
 public:
  struct Latencies {
    Duration min{};
    Duration max{};
  };

  Paths(const World& world, Latencies latencies) : world_(world), latencies_(latencies) {}

  Path& Between(const Host& from, const Host& to);

  // Of the next packet; of [min, max), many short and few long. Within a machine it is below twice
  // the minimum.
  Duration NextLatency(Path& path);
  // Of [0, bound), for what else is random on that path.
  uint64_t Draw(Path& path, uint64_t bound) { return path.random_.Below(bound); }

  // Counted: Block twice needs Unblock twice.
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
