#pragma once

#include <memory>
#include <string>

#include "agent/core/agent.h"
#include "sim/network/network.h"
#include "sim/nodes/election.h"
#include "sim/nodes/observer.h"
#include "sim/nodes/simulated_containerizer.h"
#include "sim/nodes/simulated_store.h"

namespace tepui::sim {

// A machine that runs an agent: the real core, its link to the leading master (AgentLink), the
// executor API, containers that follow their scripts (SimulatedContainerizer), a disk
// (SimulatedStore). However the agent's process ends, containers and disk are still there for the
// next one. Its supervisor starts the agent again kRestartDelay after it ended by itself.
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

  // One that is ending is started again when it has ended.
  void Start();
  // The power fails, and with it every container. Start boots the machine, or another in its place:
  // then with a new disk.
  void Crash(bool replace);
  // What an operator does to the agent's process, which stays down until Start: kill -9, SIGTERM
  // (it leaves), SIGUSR1 (it unregisters).
  void KillProcess();
  void Leave();
  void Unregister();
  bool running() const;
  Process* process();  // Null while down.
  const Host& host() const { return host_; }

  std::shared_ptr<const agent::AgentState> Snapshot() const;  // Null while down.
  // Tasks whose program runs, those of custom executors included.
  std::vector<std::string> RunningTasks() const;

  // Faults of container runtime and disk.
  void SetLaunchesFail(bool fail) { faults_.launches_fail = fail; }
  StoreBehaviour& store() { return store_; }
  void SetChecksFail(bool fail) { faults_.checks_fail = fail; }
  // Ends one running container, chosen by `random`, as a segmentation fault or an operator would.
  void KillContainer(Random& random);

 private:
  class Life;
  class Disk;

  // Asks the agent to end, by `how`.
  void End(std::move_only_function<void(agent::Agent&)> how);
  void Boot();
  // The agent's process has ended; from outside of it.
  void OnExit(const std::string& why);

  Parts parts_;
  const Host host_;
  const agent::Options options_;
  MachineFaults faults_;
  StoreBehaviour store_;
  std::unique_ptr<Disk> disk_;
  bool wanted_ = false;  // By whoever operates it.
  uint64_t lives_ = 0;
  uint64_t boots_ = 0;
  TimerId next_ = 0;  // The end of this life, or the start of the next.
  std::unique_ptr<SimulatedContainerizer> containers_;  // Null while the machine is off.
  std::unique_ptr<Life> life_;
};

}  // namespace tepui::sim
