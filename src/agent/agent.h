#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "containers/containerizer.h"
#include "mesos/v1/executor/executor.pb.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"
#include "storage/store.h"
#include "tepui/link.pb.h"

namespace tepui::agent {

// An executor's open event stream, numbered by the edge; never used again. 0 is none.
using StreamId = uint64_t;

// The agent's ways out. Called on the agent's thread; must not block nor call back into the agent.
class Links {
 public:
  virtual ~Links() = default;

  // --- To the master. The edge keeps one link; it reports through OnMasterConnected /
  // OnMasterDisconnected. Opens the link with this subscription. The edge neither retries nor
  // batches anything with it.
  virtual void Subscribe(link::Call::Subscribe subscribe) = 0;
  // In order; dropped while there is no link (the core sends again what matters).
  virtual void Send(link::Call call) = 0;
  // Drops the link; OnMasterDisconnected does not follow.
  virtual void Disconnect() = 0;

  // --- To executors.
  virtual void Send(StreamId stream, mesos::v1::executor::Event event) = 0;
  virtual void Close(StreamId stream) = 0;
};

struct Options {
  v1::AgentInfo info;  // hostname, port, attributes, domain; resources are the total.
  v1::Address address;
  std::string version;
  std::string work_dir;
  Duration registration_backoff_factor = std::chrono::seconds(1);
  Duration executor_registration_timeout = std::chrono::minutes(1);
  Duration executor_shutdown_grace_period = std::chrono::seconds(5);
  Duration executor_reregistration_timeout = std::chrono::seconds(2);
  Duration recovery_timeout = std::chrono::minutes(15);
  Duration gc_delay = std::chrono::weeks(1);
  double gc_disk_headroom = 0.1;
  Duration disk_watch_interval = std::chrono::minutes(1);
  int max_completed_executors_per_framework = 150;
  bool switch_user = true;
  // The executors' environment instead of the agent's own (flag executor_environment_variables),
  // and the base of every task's: filled by the edge.
  std::vector<std::pair<std::string, std::string>> executor_environment;
  // Signs and checks executors' tokens; empty: executors are not authenticated.
  std::string jwt_secret;

  // --- After a restart.
  // Of the machine's boot (/proc/sys/kernel/random/boot_id): containers do not outlast it.
  std::string boot_id;
  enum class Recover {
    kReconnect,  // Go on with what runs.
    kCleanup,    // End what runs, then the agent: for an upgrade that cannot go on with it.
  };
  Recover recover = Recover::kReconnect;
  // What of the checkpoint cannot be used keeps the agent from starting; otherwise it is left out.
  bool strict = true;
  enum class Reconfiguration {
    kEqual,     // Only an agent with the same AgentInfo may go on.
    kAdditive,  // More resources and attributes, and a domain where there was none, are fine.
  };
  Reconfiguration reconfiguration = Reconfiguration::kEqual;
};

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

  // For /state and the read endpoints: a copy that other threads may keep.
  struct ExecutorState {
    v1::ExecutorInfo info;
    ContainerId container;
    std::string directory;
    bool command_executor = false;
    Resources resources;
    std::vector<v1::TaskInfo> queued;
    std::vector<v1::Task> launched;
    std::vector<v1::Task> terminated;  // Their last status waits to be acknowledged.
    std::vector<v1::Task> completed;
  };
  struct FrameworkState {
    v1::FrameworkInfo info;
    std::vector<ExecutorState> executors;
    std::vector<ExecutorState> completed_executors;
  };
  struct State {
    AgentId id;  // Empty before the first registration.
    bool registered = false;
    v1::MasterInfo master;
    WallTime started{};
    std::vector<FrameworkState> frameworks;
    std::vector<FrameworkState> completed_frameworks;
    Resources total;
    std::vector<std::pair<std::string, double>> metrics;
  };
  std::shared_ptr<const State> Snapshot() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::agent
