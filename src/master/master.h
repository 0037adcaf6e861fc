#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "allocator/allocator.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "master/links.h"
#include "master/read_model.h"
#include "master/registrar.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "tepui/link.pb.h"

namespace tepui::master {

// What the registry held when this master took over.
struct RecoveredRegistry {
  std::vector<v1::AgentInfo>
      agents;  // With ids. Waited for until agent_reregister_timeout, then marked unreachable.
  std::vector<std::pair<AgentId, WallTime>> unreachable;
  std::vector<AgentId> gone;  // Told to shut down if they come back.
};

struct Options {
  v1::MasterInfo info;  // id, hostname, ip, port, address, version, domain.
  allocator::Options allocator;
  Duration agent_ping_timeout = std::chrono::seconds(15);
  int max_agent_ping_timeouts = 5;
  Duration agent_reregister_timeout = std::chrono::minutes(10);
  std::optional<Duration> offer_timeout;
  bool root_submissions = true;
  bool require_agent_domain = false;
  std::optional<int> max_executors_per_agent;
  int max_completed_frameworks = 50;
  int max_completed_tasks_per_framework = 1000;
  int max_unreachable_tasks_per_framework = 1000;
  Duration scheduler_heartbeat_interval = std::chrono::seconds(15);
  RecoveredRegistry registry;
};

// The cluster's state machine (reference 1.2, 2, 3): frameworks, agents, offers, tasks, operations.
// Pure and single-threaded: events come in by the methods below, effects go out through Links,
// Registrar, the read model's sink and the replies. All calls on one thread, the one Clock calls
// back on. Everything named here outlives the master.
class Master {
 public:
  Master(Options options, Clock& clock, Random& random, Links& links, Registrar& registrar,
         ReadModelSink& sink);
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // A SUBSCRIBE call whose response would become `stream`, known to its client as `stream_uuid`
  // (Mesos-Stream-Id).
  void OnSchedulerSubscribe(StreamId stream, const std::string& stream_uuid,
                            const std::optional<std::string>& principal,
                            const mesos::v1::scheduler::Call& call, Reply reply);

  // Any other scheduler call; `stream_uuid` as its header says, absent if it carried none.
  void OnSchedulerCall(const std::optional<std::string>& stream_uuid,
                       const std::optional<std::string>& principal,
                       const mesos::v1::scheduler::Call& call, Reply reply);

  // A SUBSCRIBE of an agent, and its later batches.
  void OnAgentSubscribe(StreamId stream, const std::string& stream_uuid,
                        const link::Call::Subscribe& subscribe, Reply reply);
  void OnAgentCalls(const std::string& stream_uuid, const link::Calls& calls, Reply reply);

  // The peer of an accepted or refused subscription has gone.
  void OnStreamClosed(StreamId stream);

  // Kills the framework's tasks and forgets it. Error kNotFound. For TEARDOWN by an operator.
  void Teardown(const FrameworkId& framework, Reply reply);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::master
