// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/core/agent.h"
#include "api/executor_api.h"
#include "base/mailbox.h"
#include "base/result.h"
#include "container/containerizer.h"
#include "container/disk.h"
#include "container/fetcher.h"
#include "container/prober.h"
#include "election/election.h"
#include "net/http.h"
#include "storage/store.h"
#include "web/limits.h"

namespace tepui::server {

// The parts that an agent is built from. The caller makes them because they depend on flags
// (isolation, launcher, fetcher). A part may use those declared before it: the last one is
// destroyed first.
struct AgentParts {
  std::unique_ptr<containers::Fetcher> fetcher;
  std::unique_ptr<containers::Containerizer> containerizer;
  std::unique_ptr<containers::Prober> prober;
  std::unique_ptr<containers::Disk> disk;
};

struct AgentServerOptions {
  // info.hostname, info.port and address, where unset, are filled from the listening address.
  agent::Options agent;
  std::string ip = "0.0.0.0";
  uint16_t port = 5051;  // 0: the kernel chooses.
  // Makes the detector of the leading master, on the agent's thread.
  std::function<std::unique_ptr<election::Detector>(Clock&, Poster)> detector;
  // Makes the parts once the agent's thread exists. Called once, inside Start.
  std::function<Result<AgentParts>(net::IoThreads&, Poster)> parts;
  // Opens the agent's store, on its thread, where the store calls `on_full` with what
  // Agent::OnDiskFull is to hear. Empty: the store is in memory, so the agent recovers nothing.
  using OpenStore = std::function<Result<std::unique_ptr<storage::Store>>(
      Poster, std::function<void(bool full)> on_full)>;
  OpenStore store;
  // Every flag as shown by /flags and /state.
  std::vector<std::pair<std::string, std::string>> flags;
  net::ServerOptions net{
      .lanes = {{std::string(api::kExecutorPath), {.max_body_bytes = web::kMaxSubscriptionBytes}}},
  };
  // Called once, on the agent's thread, when the agent must end: it was refused or shut down by the
  // master, or Shutdown is done.
  std::function<void(Status)> on_exit;
};

// A running agent: the core on its own thread, one link to the master, and the routes of executors
// and readers (reference 1.3, 1.8, 1.9).
class AgentServer {
 public:
  static Result<std::unique_ptr<AgentServer>> Start(net::IoThreads& threads,
                                                    AgentServerOptions options);

  // Stops serving. Running containers that outlive the agent are left to their shims.
  ~AgentServer();

  uint16_t port() const;

  // Kills all containers, unregisters from the master if `unregister`, then calls on_exit.
  // Thread-safe.
  void Shutdown(bool unregister, const std::string& reason);
  // Leaves checkpointed work to the next start of the agent, then calls on_exit. Thread-safe.
  void Leave(const std::string& reason);

 private:
  class Impl;
  explicit AgentServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::server
