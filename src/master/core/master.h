// SPDX-License-Identifier: Apache-2.0
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
#include "security/caller.h"
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
  Duration metrics_interval = std::chrono::seconds(1);  // Between publications of metrics.
  // The highest rate at which agents that stopped answering become unreachable; absent: no limit.
  std::optional<RemovalRate> agent_removal_rate;

  // If more than this fraction of the registry's agents has not reregistered in time, the fault is
  // probably not theirs: the master exits instead of marking them unreachable.
  double recovery_agent_removal_limit = 1.0;
  // Unreachable and gone agents are forgotten beyond this age or this number of each. The interval
  // is the time between two checks.
  Duration registry_gc_interval = std::chrono::minutes(15);
  Duration registry_max_agent_age = std::chrono::weeks(2);
  size_t registry_max_agent_count = 100 * 1024;
  // Called once if the process must end; the error's sentence gives the reason. It must not destroy
  // the master, which is still running.
  std::function<void(const Error&)> exit = [](const Error&) {};
};

// The cluster's state machine (reference 1.2, 2, 3): frameworks, agents, offers, tasks, operations.
// It does no I/O and is single-threaded: events come in by the methods below, effects go out
// through Links, Registrar, the read model's sink and the replies. All calls come on the thread on
// which Clock calls back. Every reference passed to the constructor outlives the master.
class Master {
 public:
  // `registry` is what the registry holds.
  Master(Options options, RecoveredRegistry registry, Clock& clock, Random& random, Links& links,
         Registrar& registrar, ReadModelSink& sink);
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // A SUBSCRIBE call whose response would become `stream`, known to its client as `stream_uuid`
  // (Mesos-Stream-Id).
  void OnSchedulerSubscribe(StreamId stream, const std::string& stream_uuid,
                            const security::Caller& caller, const mesos::v1::scheduler::Call& call,
                            Reply reply);

  // Any other scheduler call. `stream_uuid` is its Mesos-Stream-Id header, absent if it had none.
  void OnSchedulerCall(const std::optional<std::string>& stream_uuid,
                       const security::Caller& caller, const mesos::v1::scheduler::Call& call,
                       Reply reply);

  // A SUBSCRIBE of an agent, and its later batches of calls. The caller has checked the SUBSCRIBE
  // with validation::ValidateSubscription, on a thread that may take the time.
  void OnAgentSubscribe(StreamId stream, const std::string& stream_uuid,
                        const security::Caller& caller, link::Call::Subscribe subscribe,
                        Reply reply);
  void OnAgentCalls(const std::string& stream_uuid, const security::Caller& caller,
                    const link::Calls& calls, Reply reply);

  // The peer of an accepted or refused subscription has disconnected.
  void OnStreamClosed(StreamId stream);

  // --- Calls of an operator.
  // TEARDOWN: kills the framework's tasks and removes the framework. Error: kNotFound.
  void Teardown(const security::Caller& caller, const FrameworkId& framework, Reply reply);
  // MARK_AGENT_GONE: the agent is never admitted again; its tasks become TASK_GONE_BY_OPERATOR.
  // Succeeds also if the agent is gone already. Errors: kNotFound; kUnavailable while a registry
  // change about the agent is in progress.
  void MarkAgentGone(const security::Caller& caller, const AgentId& agent, Reply reply);

  // Calls `then`, on this thread, when the sink has all that anybody was told before this call:
  // what a client reads must not be older than what it has heard. Metrics may be older.
  void WhenPublished(std::move_only_function<void()> then);

  // Returns an error that describes a broken invariant between the master's records, if any. For
  // tests and the simulator: it looks at every record.
  Status CheckInvariants() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::master
