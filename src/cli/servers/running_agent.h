#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "cli/servers/signals.h"
#include "server/agent_server.h"

namespace tepui::cli {

// An agent and how it ended: shared by the agent's thread and the one that waits for signals.
class RunningAgent {
 public:
  // `signals` is woken when the agent ends by itself; it and the threads outlive the agent.
  static Result<std::unique_ptr<RunningAgent>> Start(net::IoThreads& threads,
                                                     server::AgentServerOptions options,
                                                     SignalWait& signals);

  uint16_t port() const { return server_->port(); }

  // Begins to end the agent: what is checkpointed goes on without it.
  void Leave(const std::string& reason) { server_->Leave(reason); }
  // Begins to end the agent: its tasks are killed and the master is told.
  void Shutdown(const std::string& reason) { server_->Shutdown(/*unregister=*/true, reason); }

  bool ended() const { return exit_->ended.load(std::memory_order_acquire); }
  // Once ended: why, if that was not in order.
  const Status& outcome() const { return exit_->outcome; }

 private:
  struct Exit {
    std::atomic<bool> ended = false;
    Status outcome;  // Written before `ended` is.
  };

  RunningAgent() = default;

  std::shared_ptr<Exit> exit_ = std::make_shared<Exit>();
  std::unique_ptr<server::AgentServer> server_;
};

// Until every agent has ended, for which each has its bounds; whether all did. What began it, asked
// for again, and SIGINT end the waiting at once; SIGTERM behind SIGUSR1 does not: that is a service
// manager which waits.
bool WaitForEnd(const std::vector<std::unique_ptr<RunningAgent>>& agents, SignalWait& signals,
                int first_signal);

}  // namespace tepui::cli
