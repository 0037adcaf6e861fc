// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace tepui::sim {

// One fault of a run: what it does, to which host, when, and for how long. The faults of a run are
// a list made from its seed; each may be left out without changing the others, so that the faults
// of a failing run can be reduced to those that are needed.
struct Fault {
  enum class Kind {
    // target's process and everything on its machine are killed; started again after `lasts`. If
    // amount is 1, it starts on another machine.
    kCrash,
    kPause,            // target's process stops; it continues after `lasts`
    kPartition,        // nothing passes between target and other
    kOneWayPartition,  // nothing passes from target to other
    kIsolation,        // target is cut off from every other host, both ways
    kReset,            // the connections between target and other are reset
    kSlowNetwork,      // all latencies are multiplied by `amount`
    kClockSkew,        // target's wall clock is wrong by `amount` seconds
    kSlowStore,        // writes of master or agent `target` take up to `amount` milliseconds
    kFailingStore,     // writes of master or agent `target` fail
    kFailingLaunches,  // containers of agent `target` do not start
    kContainerDeath,   // one container of agent `target` dies
    kShutdown,    // agent `target` leaves, or unregisters if amount is 1; started after `lasts`
    kAgentDeath,  // agent `target`'s process dies, its containers continue; started after `lasts`
    // An operator marks agent `target` gone; twice at a time if amount is 1. If amount is 2, the
    // operator names an agent that never was.
    kMarkGone,
    // An operator tears framework `target` down; twice at a time if amount is 1. If amount is 2,
    // the operator names the framework that was torn down there before, or one that never was.
    kTeardown,
  };
  Duration at{};
  Duration lasts{};
  Kind kind = Kind::kCrash;
  std::string target;
  std::string other;
  int64_t amount = 0;

  // For example "12.5s +30s partition master-0 agent-2".
  std::string ToString() const;

  friend bool operator==(const Fault&, const Fault&) = default;
};

// For example "one-way-partition".
std::string_view Name(Fault::Kind kind);

struct ClusterSize {
  int masters = 3;
  int agents = 5;
  int frameworks = 5;
};

// Makes `count` faults within `length`, in no particular order; each ends within it. A shorter list
// is a prefix of a longer one. None is an act of an operator.
std::vector<Fault> MakeFaults(uint64_t seed, const ClusterSize& size, int count, Duration length);

// Makes `count` acts of an operator, all kMarkGone or kTeardown, from random streams of their own.
// Half of them concern what one of `faults` hits, during that fault or soon after.
std::vector<Fault> MakeOperatorActs(uint64_t seed, const ClusterSize& size,
                                    const std::vector<Fault>& faults, int count, Duration length);

}  // namespace tepui::sim
