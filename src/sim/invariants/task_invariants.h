// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "sim/invariants/findings.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// True if a status means that its task has ended and will not run again. TASK_LOST from the master,
// for an agent it lost or in answer to RECONCILE, does not mean that: frameworks that are not
// partition-aware receive it for UNREACHABLE and UNKNOWN too (reference 2.6, 2.7).
bool ReportsEnd(const v1::TaskStatus& status);

// Checks each task from launch to end: runs-once, dead-stays-dead, status-order, acknowledged-once
// (docs/testing/simulator.md). Tasks are identified by their ids; nothing is checked for an id that
// was launched more than once, because its framework broke the rule first.
class TaskInvariants {
 public:
  explicit TaskInvariants(Findings& findings) : findings_(findings) {}

  void OnSchedulerCall(const mesos::v1::scheduler::Call& call);
  void OnSchedulerEvent(const mesos::v1::scheduler::Event& event);
  void OnMasterSends(const mesos::v1::scheduler::Event& event);
  void OnAgentSends(const std::string& host, const link::Call& call);
  void OnAgentEvent(const std::string& host, const link::Event& event);
  // A task's program, in a container of its own or within a custom executor.
  void OnProgramStarted(const std::string& host, const std::string& task);
  void OnProgramEnded(const std::string& host, const std::string& task);
  // A process on the host ended: if it was an agent, the next one does not know what was not
  // checkpointed.
  void OnEnded(const std::string& host);

  // --- For the checks at rest.
  struct Word {
    v1::TaskState state;
    MonotonicTime when;
    bool answer = false;  // In answer to RECONCILE.
  };
  // The last status of the task that its framework received.
  std::optional<Word> LastWord(const std::string& task) const;
  // The agent that the task was launched on; empty if it was never launched.
  std::string AgentOf(const std::string& task) const;
  struct Held {
    std::string task;
    std::string framework;
    std::string host;
  };
  // Statuses that a running agent sent and whose acknowledgement has not reached it.
  std::vector<Held> Unacknowledged() const;

 private:
  struct Task {
    std::string framework;
    std::string agent;
    int launches = 0;
    int starts = 0;
    bool checkpointed = false;
    bool forgotten = false;  // Its agent restarted without it and may report it lost.
    std::string running_on;  // The host, or empty.
    std::string ended;       // The terminal status that was reported; empty if none was.

    // Uuids of its statuses, in the order in which the agent first sent them.
    std::vector<std::string> made;
    size_t acknowledged = 0;  // How many of `made` are acknowledged, from the first.
    std::string made_on;      // The host, as long as the agent process that made them runs.

    size_t seen = 0;                          // How many of `made` its framework has seen.
    std::optional<v1::TaskState> seen_ended;  // The terminal state that its framework saw.
    bool asked_again = false;                 // The framework reconciled the task after that.
    std::optional<Word> last_word;
  };

  bool Checked(const Task& task) const { return task.launches == 1; }
  void OnLaunch(const std::string& framework, const v1::TaskInfo& task);
  // `status` was reported to someone.
  void OnTold(const v1::TaskStatus& status, std::string_view by);
  void OnSeen(const v1::TaskStatus& status);
  void OnStatusUpdate(const std::string& host, const link::Call::StatusUpdate& update);
  void OnAcknowledgement(const link::Event::StatusAcknowledgement& acknowledgement);
  void OnShutdownFramework(const std::string& host, const std::string& framework);

  Findings& findings_;
  std::unordered_map<std::string, Task> tasks_;
  // Tasks with statuses that the present agent process on the host made.
  std::map<std::string, std::set<std::string>> made_on_;
};

}  // namespace tepui::sim
