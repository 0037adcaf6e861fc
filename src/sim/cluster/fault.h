#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace tepui::sim {

// One fault of a run: what, whom, when and how long. A run's faults are a list made of its seed;
// each may be left out without changing the others, so that a failing run can be cut down to the
// faults it needs.
struct Fault {
  enum class Kind {
    // target's process is killed, and what runs on its machine; started again after `lasts`. With
    // amount 1 on another machine.
    kCrash,
    kPause,            // target's process stops; goes on after `lasts`
    kPartition,        // neither way between target and other
    kOneWayPartition,  // nothing from target to other
    kIsolation,        // target from every other host, both ways
    kReset,            // the connections between target and other
    kSlowNetwork,      // all latencies times `amount`
    kClockSkew,        // target's wall clock off by `amount` seconds
    kSlowStore,        // writes of master or agent `target` take up to `amount` milliseconds
    kFailingStore,     // writes of master or agent `target` fail
    kFailingLaunches,  // containers of agent `target` do not start
    kContainerDeath,   // one container of agent `target` dies
    kShutdown,         // agent `target` leaves; with amount 1 unregisters; started after `lasts`
    kAgentDeath,       // agent `target`'s process dies, its containers go on; started after `lasts`
  };
  Duration at{};
  Duration lasts{};
  Kind kind = Kind::kCrash;
  std::string target;
  std::string other;
  int64_t amount = 0;

  // "12.5s +30s partition master-0 agent-2".
  std::string ToString() const;

  friend bool operator==(const Fault&, const Fault&) = default;
};

// "one-way-partition".
std::string_view Name(Fault::Kind kind);

struct ClusterSize {
  int masters = 3;
  int agents = 5;
  int frameworks = 5;
};

// `count` faults within `length`, in no order; each ends within it. The first of a longer list are
// those of a shorter one.
std::vector<Fault> MakeFaults(uint64_t seed, const ClusterSize& size, int count, Duration length);

}  // namespace tepui::sim
