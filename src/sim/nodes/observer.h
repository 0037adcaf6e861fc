// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "master/view/read_model.h"
#include "mesos/v1/master/master.pb.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "resources/resources.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// Notified of what the nodes of a simulated cluster do, when they do it: the facts that invariants
// check. `host` is the node's machine. Called from inside the event; must change nothing.
class Observer {
 public:
  virtual ~Observer() = default;

  // --- Schedulers.
  // The call leaves the scheduler (it may be lost).
  virtual void OnSchedulerCall(const std::string& host, const mesos::v1::scheduler::Call& call) = 0;
  virtual void OnSchedulerEvent(const std::string& host,
                                const mesos::v1::scheduler::Event& event) = 0;

  // --- Masters.
  // The event leaves the master. `framework` and `agent` name the owner of the stream; they are
  // empty while it is not known yet.
  virtual void OnMasterSends(const std::string& host, const std::string& framework,
                             const mesos::v1::scheduler::Event& event) = 0;
  virtual void OnMasterSends(const std::string& host, const std::string& agent,
                             const link::Event& event) = 0;
  virtual void OnPublished(const std::string& host, const master::Changes& changes) = 0;
  // The registry accepted a write of this epoch. `op`, for an agent: "admit", "update",
  // "unreachable", "reachable", "gone" (marked by an operator), "remove", "forget" (an unreachable
  // or gone agent); for a framework: "remove framework".
  virtual void OnCommitted(uint64_t epoch, const std::string& op, const std::string& id) = 0;
  // The master's records were checked (master::Master::CheckInvariants).
  virtual void OnMasterChecked(const std::string& host, const Status& held) = 0;
  // The master has taken the registry over: earlier leaders cannot write. It serves once it has
  // recovered.
  virtual void OnLeading(const std::string& host, uint64_t epoch) = 0;

  // --- Operators.
  // A leading master read the call; it answers it with that HTTP status, or never.
  virtual void OnOperatorCall(const std::string& host, const mesos::v1::master::Call& call) = 0;
  virtual void OnOperatorAnswer(const std::string& host, const mesos::v1::master::Call& call,
                                unsigned status) = 0;

  // --- Agents.
  // The agent's records were checked (agent::Agent::CheckInvariants).
  virtual void OnAgentChecked(const std::string& host, const Status& held) = 0;
  virtual void OnAgentSends(const std::string& host, const link::Call& call) = 0;
  virtual void OnAgentEvent(const std::string& host, const link::Event& event) = 0;
  // The agent's disk accepted a write (docs/storage.md); no value means that the key was removed.
  virtual void OnSaved(const std::string& host, const std::string& key,
                       const std::optional<std::string>& value) = 0;
  // `task` is the task's id or, for a custom executor, "executor <id>". A container's program runs
  // from OnContainerStarted to OnContainerEnded.
  virtual void OnContainerStarted(const std::string& host, const std::string& container,
                                  const std::string& task, const Resources& resources) = 0;
  virtual void OnContainerEnded(const std::string& host, const std::string& container,
                                const std::string& task) = 0;
  // A task inside a custom executor; it has no container of its own.
  virtual void OnExecutorTask(const std::string& host, const std::string& task, bool started) = 0;

  // --- Machines.
  // A process started, or ended with `why`: "crash" or the error.
  virtual void OnStarted(const std::string& host) = 0;
  // Containers of the machine that no longer exist were reported as ended before.
  virtual void OnEnded(const std::string& host, const std::string& why) = 0;
};

}  // namespace tepui::sim
