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
#include "election/election.h"
#include "net/http.h"
#include "storage/store.h"
#include "web/limits.h"

namespace tepui::server {

// The mechanisms an agent works with; made by the caller because they depend on flags (isolation,
// launcher, fetcher).
struct AgentParts {
  std::unique_ptr<containers::Containerizer> containerizer;
  std::unique_ptr<containers::Prober> prober;
  std::unique_ptr<containers::Disk> disk;
};

struct AgentServerOptions {
  // info.hostname, info.port and address are filled from what the server listens on where they are
  // unset.
  agent::Options agent;
  std::string ip = "0.0.0.0";
  uint16_t port = 5051;  // 0: the kernel chooses.
  // Makes what tells who leads, on the agent's thread.
  std::function<std::unique_ptr<election::Detector>(Clock&, Poster)> detector;
  // Makes the mechanisms once the agent's thread exists. Called once, inside Start.
  std::function<Result<AgentParts>(net::IoThreads&, Poster)> parts;
  // Opens what the agent keeps, on its thread; empty: in memory, and it goes on with nothing.
  std::function<Result<std::unique_ptr<storage::Store>>(Poster)> store;
  // Every flag as shown by /flags and /state.
  std::vector<std::pair<std::string, std::string>> flags;
  net::ServerOptions net{
      .max_body_bytes_of = {{std::string(api::kExecutorPath), web::kMaxSubscriptionBytes}},
  };
  // Called once, on the agent's thread, when the agent must end (refused or told to shut down, or
  // Shutdown done).
  std::function<void(Status)> on_exit;
};

// A running agent: the core on its own thread, one link to the master, the executors' and readers'
// routes (reference 1.3, 1.8, 1.9).
class AgentServer {
 public:
  static Result<std::unique_ptr<AgentServer>> Start(net::IoThreads& threads,
                                                    AgentServerOptions options);

  // Stops serving; running containers that outlive the agent are left to their shims.
  ~AgentServer();

  uint16_t port() const;

  // Kills what runs, tells the master if `unregister`, then on_exit. Thread-safe.
  void Shutdown(bool unregister, const std::string& reason);
  // Leaves what is checkpointed to the next start, then on_exit. Thread-safe.
  void Leave(const std::string& reason);

 private:
  class Impl;
  explicit AgentServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::server
