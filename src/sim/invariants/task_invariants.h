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

// True if a status says that its task has ended and will not run again. TASK_LOST that the master
// says of an agent it lost, or in answer to RECONCILE, is no such promise: frameworks that are not
// partition-aware get it for UNREACHABLE and UNKNOWN too (reference 2.6, 2.7).
bool SaysEnded(const v1::TaskStatus& status);

// The life of each task: runs-once, dead-stays-dead, status-order, acknowledged-once
// (docs/testing/simulator.md). Knows tasks by their ids; of an id that was launched more than once
// nothing is checked, for its framework broke the rule first.
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
  // A process on the host ended: of what an agent has not checkpointed the next one knows nothing.
  void OnEnded(const std::string& host);

  // --- For the checks at rest.
  struct Word {
    v1::TaskState state;
    MonotonicTime when;
    bool answer = false;  // To RECONCILE.
  };
  // The last its framework heard of the task.
  std::optional<Word> LastWord(const std::string& task) const;
  // The agent that the task was launched on; empty: never launched.
  std::string AgentOf(const std::string& task) const;
  struct Held {
    std::string task;
    std::string framework;
    std::string host;
  };
  // Statuses that an agent that lives sent and whose acknowledgement has not reached it.
  std::vector<Held> Unacknowledged() const;

 private:
  struct Task {
    std::string framework;
    std::string agent;
    int launches = 0;
    int starts = 0;
    bool checkpointed = false;
    bool forgotten = false;  // By its agent, whose next life may call it lost.
    std::string running_on;  // A host, or empty.
    std::string ended;       // What was told of its end; empty: nothing.

    // Uuids of its statuses in the order the agent sent them first.
    std::vector<std::string> made;
    size_t acknowledged = 0;  // So many of them, the first.
    std::string made_on;      // The host, while the agent that made them lives.

    size_t seen = 0;                          // How far of `made` its framework has come.
    std::optional<v1::TaskState> seen_ended;  // What its framework saw it end as.
    bool asked_again = false;                 // After that.
    std::optional<Word> last_word;
  };

  bool Checked(const Task& task) const { return task.launches == 1; }
  void OnLaunch(const std::string& framework, const v1::TaskInfo& task);
  // Somebody was told `status`.
  void OnTold(const v1::TaskStatus& status, std::string_view by);
  void OnSeen(const v1::TaskStatus& status);
  void OnStatusUpdate(const std::string& host, const link::Call::StatusUpdate& update);
  void OnAcknowledgement(const link::Event::StatusAcknowledgement& acknowledgement);
  void OnShutdownFramework(const std::string& host, const std::string& framework);

  Findings& findings_;
  std::unordered_map<std::string, Task> tasks_;
  // Tasks whose statuses an agent on the host has made in its present life.
  std::map<std::string, std::set<std::string>> made_on_;
};

}  // namespace tepui::sim
