#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/services/links.h"
#include "agent/services/options.h"
#include "agent/services/state.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "container/containerizer.h"
#include "mesos/v1/executor/executor.pb.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"
#include "storage/store.h"
#include "tepui/link.pb.h"

namespace tepui::agent {

// The node's state machine (reference 1.3, 2.5-2.7, 5): executors, tasks, status updates until they
// are acknowledged, kills, checks, sandboxes and their garbage. Command tasks and task groups run
// without an executor process. Pure and single-threaded like the master. Everything named in the
// constructor outlives the agent.
//
// What frameworks with FrameworkInfo.checkpoint have here, and reservations and volumes, it keeps
// in its store (proto/tepui/checkpoint.proto): nothing of that is told before it is durable there,
// and an agent that starts again, after whatever end, goes on with it (Recover).
class Agent {
 public:
  // `exit` is called once when the agent must end its process (told to shut down, refused); with a
  // sentence. It must not destroy the agent, which is still running.
  Agent(Options options, Clock& clock, Random& random, Links& links,
        containers::Containerizer& containerizer, containers::Prober& prober,
        containers::Disk& disk, storage::Store& store, std::function<void(Status)> exit);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // First of all, once: takes the store over and goes on with what is in it. Until that is done no
  // master is subscribed to, and executors are refused as kUnavailable. Ends in `exit` if the store
  // or what is in it cannot be used; nothing is changed then.
  void Recover();

  // The edge found a leading master (after a start, or a change of leader): subscribe to it, with
  // backoff.
  void OnMasterDetected();
  void OnMasterLost();
  // The link ended (or could not be opened: the core retries with backoff).
  void OnMasterDisconnected(const std::string& reason);
  void OnMasterEvent(const link::Event& event);

  // An executor's SUBSCRIBE whose response would become `stream`; `token` is its bearer token if it
  // sent one. The reply's errors: kInvalid 400, kForbidden 403, kUnavailable 503.
  using Reply = std::move_only_function<void(Status)>;
  void OnExecutorSubscribe(StreamId stream, const std::optional<std::string>& token,
                           const mesos::v1::executor::Call& call, Reply reply);
  void OnExecutorCall(const std::optional<std::string>& token,
                      const mesos::v1::executor::Call& call, Reply reply);
  void OnStreamClosed(StreamId stream);

  // Kills what runs, unregisters if asked to, then `exit`. The next start is a new agent's.
  void Shutdown(bool unregister, const std::string& reason);
  // What is checkpointed goes on without the agent until its next start; the rest is killed, then
  // `exit`.
  void Leave(const std::string& reason);

  // For /state and the read endpoints.
  std::shared_ptr<const AgentState> Snapshot() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::agent
