#pragma once

#include <memory>
#include <string>

#include "agent/agent.h"
#include "sim/election.h"
#include "sim/network.h"
#include "sim/observer.h"
#include "sim/simulated_containerizer.h"
#include "storage/memory_store.h"

namespace tepui::sim {

// A machine that runs an agent: the real core, its link to the leading master (AgentLink), the
// executor API, containers that follow their scripts (SimulatedContainerizer). Its supervisor
// starts the agent again kRestartDelay after it ended by itself; containers that are left then end
// with it. When the agent's process is killed the machine goes on, with containers and disk.
class AgentNode {
 public:
  static constexpr Duration kRestartDelay = std::chrono::seconds(2);

  struct Parts {
    World& world;
    Network& network;
    Election& election;
    Observer& observer;
  };
  // What the options leave unset of names, addresses and versions is filled in.
  AgentNode(Parts parts, Host host, agent::Options options);
  ~AgentNode();

  // One that is shutting down is started again when it has ended.
  void Start();
  // The machine is gone, with every container; Start boots it anew.
  void Crash();
  // kill -9 of the agent's process alone. Stays down until Start.
  void KillProcess();
  // Ends it for good, unregistered if asked to. Stays down until Start.
  void Shutdown(bool unregister);
  bool running() const;
  Process* process();  // Null while down.
  const Host& host() const { return host_; }

  std::shared_ptr<const agent::Agent::State> Snapshot() const;  // Null while down.
  // Tasks whose program runs, those of custom executors included.
  std::vector<std::string> RunningTasks() const;

  // Faults of the container runtime.
  void SetLaunchesFail(bool fail) { faults_.launches_fail = fail; }
  void SetChecksFail(bool fail) { faults_.checks_fail = fail; }
  // Ends one running container, chosen by `random`, as a segmentation fault or an operator would.
  void KillContainer(Random& random);

 private:
  class Life;
  // What outlives the agent's process.
  struct Machine {
    SimulatedContainerizer containerizer;
    std::shared_ptr<storage::MemoryData> disk = std::make_shared<storage::MemoryData>();
  };

  void Boot();
  // The agent's process has ended; from outside of it.
  void OnExit(const std::string& why);

  Parts parts_;
  const Host host_;
  const agent::Options options_;
  MachineFaults faults_;
  bool wanted_ = false;  // By whoever operates it.
  uint64_t lives_ = 0;
  TimerId next_ = 0;                  // The end of this life, or the start of the next.
  std::unique_ptr<Machine> machine_;  // Null while it is off.
  std::unique_ptr<Life> life_;
};

}  // namespace tepui::sim
