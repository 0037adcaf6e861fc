// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "agent/core/agent.h"
#include "base/timer.h"
#include "sim/network/network.h"
#include "sim/nodes/election.h"
#include "sim/nodes/observer.h"
#include "sim/nodes/simulated_containerizer.h"
#include "sim/nodes/simulated_store.h"

namespace tepui::sim {

// A machine that runs an agent: the real core, its link to the leading master (AgentLink), the
// executor API, containers that follow their scripts (SimulatedContainerizer), a disk
// (SimulatedStore). However the agent's process ends, containers and disk are still there for the
// next one. The supervisor restarts an agent that ended by itself after kRestartDelay.
class AgentNode {
 public:
  static constexpr Duration kRestartDelay = std::chrono::seconds(2);

  struct Parts {
    World& world;
    Network& network;
    Election& election;
    Observer& observer;
  };
  // Fills in the names, addresses and versions that the options leave unset.
  AgentNode(Parts parts, Host host, agent::Options options);
  ~AgentNode();

  // An agent that is ending is started when it has ended.
  void Start();
  // The power fails, and with it every container. Start boots the machine, or with `replace`
  // another one in its place, with a new disk.
  void Crash(bool replace);
  // How an operator ends the agent's process, which then stays down until Start: kill -9, SIGTERM
  // (it leaves), SIGUSR1 (it unregisters).
  void KillProcess();
  void Leave();
  void Unregister();
  bool running() const;
  Process* process();  // Null while down.
  const Host& host() const { return host_; }
  // The id that the machine's agent has, or had last; empty before its first registration.
  const std::string& id() const { return id_; }

  std::shared_ptr<const agent::AgentState> Snapshot() const;  // Null while down.
  // Tasks whose programs run, those of custom executors included.
  std::vector<std::string> RunningTasks() const;

  // Faults of the container runtime and of the disk.
  void SetLaunchesFail(bool fail) { faults_.launches_fail = fail; }
  StoreBehaviour& store() { return store_; }
  void SetChecksFail(bool fail) { faults_.checks_fail = fail; }
  // Ends one running container, chosen by `random`, as a segmentation fault or an operator would.
  void KillContainer(Random& random);

 private:
  class Life;
  class Disk;

  // Calls `how`, which asks the agent to end.
  void End(std::move_only_function<void(agent::Agent&)> how);
  void Boot();
  // Handles the end of the agent's process; called from outside of it.
  void OnExit(const std::string& why);

  Parts parts_;
  const Host host_;
  const agent::Options options_;
  MachineFaults faults_;
  StoreBehaviour store_;
  std::string id_;
  std::unique_ptr<Disk> disk_;
  bool wanted_ = false;  // The operator wants the agent to run.
  uint64_t lives_ = 0;
  uint64_t boots_ = 0;
  Timer next_;  // The end of this run of the agent, or the start of the next.
  std::unique_ptr<SimulatedContainerizer> containers_;  // Null while the machine is off.
  std::unique_ptr<Life> life_;
};

}  // namespace tepui::sim
