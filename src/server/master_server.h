// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/master_api.h"
#include "base/mailbox.h"
#include "base/result.h"
#include "election/election.h"
#include "master/core/leadership.h"
#include "net/http.h"
#include "storage/store.h"
#include "web/limits.h"

namespace tepui::server {

struct MasterServerOptions {
  // info.ip, port, address, pid and hostname, where unset, are filled from the listening address.
  master::Options master;
  std::string ip = "0.0.0.0";
  uint16_t port = 5050;  // 0: the kernel chooses.
  std::string cluster;
  // Every flag as shown by /flags and /state: name and value.
  std::vector<std::pair<std::string, std::string>> flags;
  // Opens the registry's store, on the master's thread, once the master is elected: until then it
  // does not matter whether the store can be reached. Empty: the store is in memory. `candidacy` is
  // the argument of Contender::Candidate::elected; the store cannot be fenced without it.
  using OpenStore = std::function<Result<std::unique_ptr<storage::Store>>(
      Clock&, Poster, const std::string& candidacy)>;
  OpenStore store;
  // How masters elect their leader. Empty: this is the only master.
  std::function<election::Election(Clock&, Poster)> election;
  master::RegistryTimeouts registry;
  // Called once, on the master's thread, with the reason, if the process must end.
  std::function<void(const Error&)> on_exit = [](const Error&) {};
  net::ServerOptions net{
      .lanes = {{std::string(api::kAgentPath), {.max_body_bytes = web::kMaxSubscriptionBytes}}},
  };
};

// A running master: the core on its own thread, the read model on another, event streams encoded on
// a third, and the HTTP routes on the given I/O threads (reference 1.1-1.3, 1.7-1.9). While it does
// not lead, it redirects clients to the leader.
class MasterServer {
 public:
  // Listens and serves. A single master leads when this returns; one of several leads when it is
  // elected. A failure names what to change (the port, the address, the store).
  static Result<std::unique_ptr<MasterServer>> Start(net::IoThreads& threads,
                                                     MasterServerOptions options);

  // Stops serving, ends every stream, joins the threads.
  ~MasterServer();

  uint16_t port() const;
  const std::string& id() const;  // The master's id.

 private:
  class Impl;
  explicit MasterServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::server
