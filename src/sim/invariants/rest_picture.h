// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mesos/v1/mesos.pb.h"
#include "resources/quantities.h"
#include "sim/nodes/registry.h"

namespace tepui::sim {

class Cluster;

namespace v1 = ::mesos::v1;

// A cluster that has come to rest, as far as the checks at rest look at it: the states that master,
// agents and frameworks hold, side by side. Plain data, so that tests can write it by hand.
struct RestPicture {
  // By framework.
  using TaskKey = std::pair<std::string, std::string>;
  using ExecutorKey = std::pair<std::string, std::string>;

  struct Agent {
    std::string host;
    bool running = false;  // True if the process runs.
    bool registered = false;
    std::string id;
    std::map<TaskKey, v1::TaskState> tasks;  // Listed until their last status is acknowledged.
    std::set<TaskKey> unacknowledged;        // Ended ones that wait for it.
    // All but command executors. An idle one whose tasks wait for acknowledgements may have ended.
    std::set<ExecutorKey> executors;
    std::set<ExecutorKey> idle_executors;
    std::set<std::string> programs;  // Tasks that run on the machine.
    // Sizes of its histories: the largest of each kind.
    size_t completed_frameworks = 0;
    size_t completed_executors = 0;  // The largest number of any framework.
    size_t completed_tasks = 0;      // The largest number of any executor.
  };
  struct Scheduler {
    std::string host;
    bool running = false;
    bool subscribed = false;
    bool well_behaved = true;
    std::string framework;                       // Empty before its first subscription.
    std::map<std::string, v1::TaskState> tasks;  // States that the framework knows.
  };
  struct Leader {
    std::string host;
    struct Agent {
      bool connected = false;
      Quantities used;
      std::map<TaskKey, v1::TaskState> tasks;
      std::set<ExecutorKey> executors;
      Quantities held;  // Resources of these tasks, unless they have ended, and of the executors.
    };
    std::map<std::string, Agent> agents;
    struct Framework {
      bool connected = false;
      bool completed = false;
      size_t completed_tasks = 0;
      size_t unreachable_tasks = 0;
    };
    std::map<std::string, Framework> frameworks;
  };

  std::vector<Agent> agents;
  std::vector<Scheduler> schedulers;
  std::optional<Leader> leader;
  std::vector<std::string> unanswered;  // Calls of the operator.
  // The standing of an agent in the registry.
  std::function<std::optional<Registry::Standing>(const std::string&)> standing;
  // True if the registry has the framework as removed.
  std::function<bool(const std::string&)> removed;
  size_t most_in_flight_bytes = 0;  // The maximum of any connection so far.
};

// The picture asks `cluster` for standings, so `cluster` must outlive it.
RestPicture TakePicture(const Cluster& cluster);

}  // namespace tepui::sim
