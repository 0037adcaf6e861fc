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
#include "master/membership/removal_limiter.h"
#include "master/records/links.h"
#include "master/registry/registrar.h"
#include "master/view/read_model.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "tepui/link.pb.h"

namespace tepui::master {

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
  Duration metrics_interval = std::chrono::seconds(1);  // Between two publications of the metrics.
  // Agents that stopped answering become unreachable no faster; absent: at once.
  std::optional<RemovalRate> agent_removal_rate;

  RecoveredRegistry registry;
  // If more than this part of the registry's agents has not come back in time, something else is
  // wrong than the agents: the master ends instead of giving them up.
  double recovery_agent_removal_limit = 1.0;
  // Unreachable and gone agents are forgotten after this age or beyond this number of each; looked
  // after once an interval.
  Duration registry_gc_interval = std::chrono::minutes(15);
  Duration registry_max_agent_age = std::chrono::weeks(2);
  size_t registry_max_agent_count = 100 * 1024;
  // Called once if the master must end its process, with a sentence that says why. It must not
  // destroy the master, which is still running.
  std::function<void(const Error&)> exit = [](const Error&) {};
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

  // A SUBSCRIBE of an agent that is valid by itself (validation::ValidateSubscription, which the
  // caller asks on a thread that has the time), and its later batches.
  void OnAgentSubscribe(StreamId stream, const std::string& stream_uuid,
                        link::Call::Subscribe subscribe, Reply reply);
  void OnAgentCalls(const std::string& stream_uuid, const link::Calls& calls, Reply reply);

  // The peer of an accepted or refused subscription has gone.
  void OnStreamClosed(StreamId stream);

  // --- By an operator.
  // Kills the framework's tasks and forgets it. Error kNotFound. For TEARDOWN.
  void Teardown(const FrameworkId& framework, Reply reply);
  // The agent will never be let in again; its tasks are GONE_BY_OPERATOR. Success also if it was
  // gone. Errors: kNotFound; kUnavailable while the registry is writing about it. For
  // MARK_AGENT_GONE.
  void MarkAgentGone(const AgentId& agent, Reply reply);

  // What is wrong between the master's records, if anything: for tests and the simulator. It looks
  // at every record.
  Status CheckInvariants() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::master
