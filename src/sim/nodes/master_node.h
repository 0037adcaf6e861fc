// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/timer.h"
#include "master/core/master.h"
#include "sim/network/network.h"
#include "sim/nodes/election.h"
#include "sim/nodes/observer.h"
#include "sim/nodes/registry.h"
#include "sim/nodes/simulated_store.h"

namespace tepui::sim {

// A machine that runs a master: it is a candidate of the election, serves the scheduler API,
// the agent API and the calls of operators that change the cluster while it leads (the real
// master::Leadership over a SimulatedStore), redirects to the leader while it does not
// (reference 1.1), ends its process when it lost its session or its store, and is restarted by its
// supervisor after kRestartDelay. Belongs to the world's events; Start and Crash must not be called
// from inside the master's process.
class MasterNode {
 public:
  static constexpr Duration kRestartDelay = std::chrono::seconds(2);

  struct Parts {
    World& world;
    Network& network;
    Election& election;
    Registry& registry;
    Observer& observer;
  };
  MasterNode(Parts parts, Host host, master::Options options);
  ~MasterNode();

  void Start();
  void Crash();  // kill -9; stays down until Start.
  bool running() const;
  Process* process();  // Null while down.
  StoreBehaviour& store() { return store_; }
  const Host& host() const { return host_; }

  // What readers of this master see; null unless it leads.
  const master::ReadModel* read_model() const;
  // Epoch of the present master's store; 0 if it does not lead.
  uint64_t epoch() const;

 private:
  class Life;

  // The process ended by itself.
  void OnEnded(const std::string& why);

  Parts parts_;
  const Host host_;
  const master::Options options_;
  StoreBehaviour store_;
  uint64_t lives_ = 0;
  Timer restart_;
  Timer destruction_;  // Destroys an ended run of the process, from outside of it.
  std::unique_ptr<Life> life_;
};

}  // namespace tepui::sim
