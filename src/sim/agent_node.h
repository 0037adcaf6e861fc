#pragma once

#include <memory>
#include <string>

#include "agent/agent.h"
#include "sim/election.h"
#include "sim/network.h"
#include "sim/observer.h"

namespace tepui::sim {

// A machine that runs an agent: the real core, its link to the leading master (one batch of calls
// in flight, as the real edge does it), containers that follow their scripts, custom executors that
// run the real executor library. Its supervisor starts the agent again kRestartDelay after it ended
// by itself.
class AgentNode {
 public:
  static constexpr Duration kRestartDelay = std::chrono::seconds(2);

  struct Parts {
    World& world;
    Network& network;
    Election& election;
    Observer& observer;
  };
  AgentNode(Parts parts, Host host, agent::Options options);
  ~AgentNode();

  void Start();
  // The machine is gone, with every container; Start boots it anew.
  void Crash();
  // SIGTERM, or SIGUSR1 if `unregister`.
  void Shutdown(bool unregister);
  bool running() const;
  Process* process();  // Null while down.
  const Host& host() const { return host_; }

  std::shared_ptr<const agent::Agent::State> Snapshot() const;  // Null while down.
  // Tasks whose program runs, those of custom executors included.
  std::vector<std::string> RunningTasks() const;

  // Faults of the container runtime.
  void SetLaunchesFail(bool fail);
  // Ends one running container, chosen by `random`, as a segmentation fault or an operator would.
  void KillContainer(Random& random);

 private:
  class Life;
  Parts parts_;
  const Host host_;
  const agent::Options options_;
  bool launches_fail_ = false;
  uint64_t lives_ = 0;
  TimerId restart_ = 0;
  std::unique_ptr<Life> life_;
};

}  // namespace tepui::sim
