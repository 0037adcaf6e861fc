#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "master/view/read_model.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "resources/resources.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// What the nodes of a simulated cluster do, as they do it: the facts that invariants are about.
// `host` is the node's machine. Called from inside the event; must change nothing.
class Observer {
 public:
  virtual ~Observer() = default;

  // --- Schedulers.
  // The call leaves the scheduler (it may get lost).
  virtual void OnSchedulerCall(const std::string& host, const mesos::v1::scheduler::Call& call) = 0;
  virtual void OnSchedulerEvent(const std::string& host,
                                const mesos::v1::scheduler::Event& event) = 0;

  // --- Masters.
  // The event leaves the master. `framework`, `agent`: whose stream it is, empty before it is
  // known.
  virtual void OnMasterSends(const std::string& host, const std::string& framework,
                             const mesos::v1::scheduler::Event& event) = 0;
  virtual void OnMasterSends(const std::string& host, const std::string& agent,
                             const link::Event& event) = 0;
  virtual void OnPublished(const std::string& host, const master::Changes& changes) = 0;
  // The registry took a write of this epoch. `op`: "admit", "update", "unreachable", "reachable",
  // "gone" (by an operator), "remove", "forget" (an unreachable or a gone one), each of an agent;
  // "remove framework".
  virtual void OnCommitted(uint64_t epoch, const std::string& op, const std::string& id) = 0;
  // Its records were checked (master::Master::CheckInvariants).
  virtual void OnMasterChecked(const std::string& host, const Status& held) = 0;
  // It has taken the registry over: earlier leaders cannot write. It serves once it has recovered.
  virtual void OnLeading(const std::string& host, uint64_t epoch) = 0;

  // --- Agents.
  virtual void OnAgentSends(const std::string& host, const link::Call& call) = 0;
  virtual void OnAgentEvent(const std::string& host, const link::Event& event) = 0;
  // Its disk has taken a write (docs/storage.md); no value: of the key's end.
  virtual void OnSaved(const std::string& host, const std::string& key,
                       const std::optional<std::string>& value) = 0;
  // `task`: the task or, of a custom executor, "executor <id>". A container's program runs from
  // OnContainerStarted to OnContainerEnded.
  virtual void OnContainerStarted(const std::string& host, const std::string& container,
                                  const std::string& task, const Resources& resources) = 0;
  virtual void OnContainerEnded(const std::string& host, const std::string& container,
                                const std::string& task) = 0;
  // A task inside of a custom executor; it has no container of its own.
  virtual void OnExecutorTask(const std::string& host, const std::string& task, bool started) = 0;

  // --- The machine: processes that start and end ("crash" or the sentence it ended with).
  virtual void OnStarted(const std::string& host) = 0;
  // Containers that were on it and are no more were told as ended before.
  virtual void OnEnded(const std::string& host, const std::string& why) = 0;
};

}  // namespace tepui::sim
