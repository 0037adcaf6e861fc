// SPDX-License-Identifier: Apache-2.0
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
#include "container/disk.h"
#include "container/prober.h"
#include "mesos/v1/executor/executor.pb.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"
#include "security/caller.h"
#include "storage/store.h"
#include "tepui/link.pb.h"

namespace tepui::agent {

// The node's state machine (reference 1.3, 2.5-2.7, 5): executors, tasks, status updates until they
// are acknowledged, kills, checks, sandboxes and their garbage collection. Command tasks and task
// groups run without an executor process. It is pure and single-threaded like the master.
//
// The agent keeps the executors and tasks of frameworks with FrameworkInfo.checkpoint, reservations
// and volumes in its store (proto/tepui/checkpoint.proto). It reports none of that before it is
// durable there, and recovers it after a restart, however the agent ended (Recover).
class Agent {
 public:
  // What the agent works with. All of it outlives the agent.
  struct Parts {
    Clock& clock;
    Random& random;
    Links& links;
    containers::Containerizer& containerizer;
    containers::Prober& prober;
    containers::Disk& disk;
    storage::Store& store;
  };

  // `exit` is called once when the agent must end its process (it was shut down, or refused by the
  // master), with a sentence that states the reason. It must not destroy the agent, whose code is
  // still running.
  Agent(Options options, const Parts& parts, std::function<void(Status)> exit);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Takes the store over and recovers what it holds. Called once, before any other method. Until
  // recovery is complete the agent subscribes to no master, and refuses executors with
  // kUnavailable. Calls `exit` if the store or its contents cannot be used; nothing is changed
  // then.
  void Recover();

  // The edge found a leading master (after a start, or a change of leader). The agent subscribes to
  // it, with backoff.
  void OnMasterDetected();
  void OnMasterLost();
  // The link ended or could not be opened. The core retries with backoff.
  void OnMasterDisconnected(const std::string& reason);
  void OnMasterEvent(const link::Event& event);

  // Handles an executor's SUBSCRIBE, whose response becomes `stream`. With Options::jwt_secret the
  // caller must have the claims that the agent signed for this executor. The reply's errors:
  // kInvalid 400, kForbidden 403, kUnavailable 503.
  using Reply = std::move_only_function<void(Status)>;
  void OnExecutorSubscribe(StreamId stream, const security::Caller& caller,
                           const mesos::v1::executor::Call& call, Reply reply);
  void OnExecutorCall(const security::Caller& caller, const mesos::v1::executor::Call& call,
                      Reply reply);
  void OnStreamClosed(StreamId stream);

  // Kills what runs, unregisters if `unregister` is set, then calls `exit`. The next start is that
  // of a new agent.
  void Shutdown(bool unregister, const std::string& reason);
  // Kills what is not checkpointed, then calls `exit`. The rest keeps running without the agent
  // until its next start.
  void Leave(const std::string& reason);

  // The edge found that the disk of the work directory is full, or has room again. The agent
  // removes the sandboxes of what has ended, and launches nothing until there is room; what runs
  // goes on. May come before recovery is complete.
  void OnDiskFull(bool full);

  // For /state and the read endpoints.
  std::shared_ptr<const AgentState> Snapshot() const;

  // Fails if the agent's records contradict each other: a bug, reported with a sentence. Looks at
  // every task, so it is for tests and simulations.
  Status CheckInvariants() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::agent
