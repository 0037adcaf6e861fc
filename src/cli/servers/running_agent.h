// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "cli/servers/signals.h"
#include "server/agent_server.h"

namespace tepui::cli {

// An agent and its outcome, shared by the agent's thread and the one that waits for signals.
class RunningAgent {
 public:
  // Wakes `signals` when the agent ends by itself. `signals` and `threads` outlive the agent.
  static Result<std::unique_ptr<RunningAgent>> Start(net::IoThreads& threads,
                                                     server::AgentServerOptions options,
                                                     SignalWait& signals);

  uint16_t port() const { return server_->port(); }

  // Begins to end the agent; checkpointed tasks continue without it.
  void Leave(const std::string& reason) { server_->Leave(reason); }
  // Begins to end the agent: its tasks are killed and it unregisters from the master.
  void Shutdown(const std::string& reason) { server_->Shutdown(/*unregister=*/true, reason); }

  bool ended() const { return exit_->ended.load(std::memory_order_acquire); }
  // Valid once the agent has ended: the error if it failed.
  const Status& outcome() const { return exit_->outcome; }

 private:
  struct Exit {
    std::atomic<bool> ended = false;
    Status outcome;  // Written before `ended`.
  };

  RunningAgent() = default;

  std::shared_ptr<Exit> exit_ = std::make_shared<Exit>();
  std::unique_ptr<server::AgentServer> server_;
};

// Waits until every agent has ended, for which each has its own time limits; returns true if all
// did. A second signal like the first one, and SIGINT, end the wait at once; SIGTERM after SIGUSR1
// does not, because it comes from a service manager that waits.
bool WaitForEnd(const std::vector<std::unique_ptr<RunningAgent>>& agents, SignalWait& signals,
                int first_signal);

}  // namespace tepui::cli
