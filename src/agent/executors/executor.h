// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/checkpoint/checkpoint.h"
#include "agent/executors/executor_limits.h"
#include "agent/services/state.h"
#include "container/containerizer.h"

namespace tepui::agent {

class CustomExecutor;
class Executor;
struct Framework;

// How an executor ended.
struct ExecutorEnd {
  std::optional<int> status;  // The status from waitpid, if known.
  bool launch_failed = false;
  // Set if something other than the executor itself ended it: the reason, and the message for its
  // tasks.
  std::optional<v1::TaskStatus::Reason> reason;
  std::string message;
  Resources limited;
};

// Receives what an executor reports to the agent.
class ExecutorHost {
 public:
  virtual ~ExecutorHost() = default;
  // Reports a status of one of its tasks, with the source set; the agent adds what is missing
  // (uuid, timestamp, agent).
  virtual void OnTaskStatus(Executor& executor, v1::TaskStatus status) = 0;
  // Nothing of the executor is left. It may be destroyed once the caller has returned to the event
  // loop.
  virtual void OnExecutorEnded(Executor& executor, const ExecutorEnd& end) = 0;
  // True while the agent ends and leaves checkpointed executors running. Those have no deadlines
  // any more.
  virtual bool leaving() const = 0;
};

// What became of the containers from before the agent's restart.
struct Endings {
  std::map<ContainerId, containers::Termination> ended;
  std::map<ContainerId, containers::Launched> running;
  std::set<ContainerId> not_started;  // Their programs never ran.

  // Returns null if the container has not ended.
  const containers::Termination* Find(const ContainerId& id) const {
    const auto found = ended.find(id);
    return found == ended.end() ? nullptr : &found->second;
  }
};

// Runs an executor's tasks: the agent itself does (CommandExecutor, GroupExecutor), or a process
// (CustomExecutor).
class ExecutorRun {
 public:
  virtual ~ExecutorRun() = default;
  // Start and OnQueued launch what is queued in the executor's record, now or as soon as possible.
  virtual void Start() = 0;
  virtual void OnQueued() = 0;
  // Kills a task that was delivered to the executor.
  virtual void Kill(const TaskId& task, const std::optional<v1::KillPolicy>& policy) = 0;
  // Ends everything within `grace`; OnExecutorEnded follows.
  virtual void Shutdown(Duration grace) = 0;

  // Called in place of Start after the agent's restart. Restore takes over what was saved and adds
  // the containers that it claims, also those whose start was not recorded. Resume continues with
  // what became of them.
  virtual void Restore(const Saved::Executor& saved,
                       std::vector<containers::RecoverSpec>& claims) = 0;
  virtual void Resume(const Endings& endings) = 0;

  // Returns this if it is a custom executor, otherwise null.
  virtual CustomExecutor* custom() { return nullptr; }
};

// The agent's record of one executor and its tasks (reference 5.1, 5.2). Tasks move from queued to
// launched to terminated (their last status is not acknowledged yet) to completed.
class Executor {
 public:
  enum class State { kRegistering, kRunning, kTerminating, kTerminated };
  enum class Kind {
    kCommand,  // Made up by the agent for a command task.
    kGroup,    // ExecutorInfo.type DEFAULT: the agent runs its task groups.
    kCustom,   // A process of the framework.
  };
  // A task or a task group that is not started yet. A group is delivered as a whole or not at all.
  struct Delivery {
    std::vector<v1::TaskInfo> tasks;
    bool group = false;
    uint64_t number = 0;  // The number of its first task in the checkpoint; 0 if there is none.
  };

  Executor(Framework& framework, Kind kind, v1::ExecutorInfo info, ContainerId container,
           std::string path, std::string directory, std::optional<std::string> user);
  ~Executor();

  Framework& framework() const { return framework_; }
  Kind kind() const { return kind_; }
  const ExecutorId& id() const { return id_; }
  const v1::ExecutorInfo& info() const { return info_; }
  const ContainerId& container() const { return container_; }
  const std::string& path() const { return path_; }            // The directory of all its runs.
  const std::string& directory() const { return directory_; }  // The sandbox of this one.
  const std::optional<std::string>& user() const { return user_; }
  // True if the executor and its record outlive the agent.
  bool checkpointed() const { return framework_info().checkpoint(); }

  State state() const { return state_; }
  void set_state(State state) { state_ = state; }
  bool active() const { return state_ == State::kRegistering || state_ == State::kRunning; }

  ExecutorRun& run() { return *run_; }
  // Null if the agent itself runs the tasks.
  CustomExecutor* custom() { return run_->custom(); }
  const CustomExecutor* custom() const { return run_->custom(); }
  void set_run(std::unique_ptr<ExecutorRun> run) { run_ = std::move(run); }

  // State of a custom executor, written with Save: its process, and whether it has subscribed, so
  // that it may have received tasks.
  void set_process(const containers::Launched& process) { process_ = process; }
  void set_subscribed() { subscribed_ = true; }
  bool subscribed() const { return subscribed_; }
  // True if its shutdown had begun before the agent's restart.
  bool shutting_down() const { return shutting_down_; }

  // The functions that save do nothing unless the executor is checkpointed.
  void Save(Checkpoint& checkpoint) const;
  // Numbers and writes the tasks of `delivery`. Called before Enqueue.
  void SaveTasks(Checkpoint& checkpoint, Delivery& delivery);
  // `record` has what the executor itself does not know about the task.
  void SaveTask(Checkpoint& checkpoint, const v1::TaskInfo& task, checkpoint::Task record) const;
  // Returns nothing if the task is not checkpointed.
  std::optional<TaskKey> KeyOf(const TaskId& task) const;
  // Restores the record as it was before the agent's restart, with all its tasks.
  void Restore(const Saved::Executor& saved);

  void Enqueue(Delivery delivery);
  // Marks the first delivery in the queue as launched (state STAGING) and returns it. Returns
  // nothing if the queue is empty.
  std::optional<Delivery> LaunchNext();
  // Takes the delivery with `task` out of the queue, if it is there. Its tasks are marked as
  // launched so that their end can be reported.
  std::optional<Delivery> LaunchQueued(const TaskId& task);
  // Returns the record of one of its tasks as it is before the first status.
  v1::Task MakeTask(const v1::TaskInfo& task) const;
  bool IsQueued(const TaskId& task) const { return queued_.contains(task); }
  bool queue_empty() const { return deliveries_.empty(); }
  const std::list<Delivery>& deliveries() const { return deliveries_; }

  // Finds a launched or terminated task; null if there is none.
  v1::Task* FindTask(const TaskId& task);
  const std::unordered_map<TaskId, v1::Task>& launched() const { return launched_; }
  const std::unordered_map<TaskId, v1::Task>& terminated() const { return terminated_; }
  bool ever_launched() const { return ever_launched_; }
  // Returns false, and changes nothing, if the task has ended before or is not known.
  bool Apply(const v1::TaskStatus& status);
  // The last status of a terminated task was acknowledged.
  void Complete(const TaskId& task);
  // Every task that is not completed, once for each state that it is recorded in.
  std::vector<TaskId> Tasks() const;
  // True if no task is queued, launched, or waits for the acknowledgement of its last status.
  bool idle() const { return queued_.empty() && launched_.empty() && terminated_.empty(); }

  // The resources of the executor and of its unfinished tasks.
  const Resources& allocated() const { return allocated_; }
  containers::Limits limits() const { return limits_.Get(); }

  ExecutorState Snapshot() const;

  // Fails if the record contradicts itself: the queue, the states of tasks, and what they count for
  // in resources and limits.
  Status CheckInvariants() const;

 private:
  // Where a task's records are.
  struct Place {
    uint64_t number = 0;
    uint64_t delivery = 0;
    bool group = false;
  };

  const v1::FrameworkInfo& framework_info() const;
  static checkpoint::Task Complete(checkpoint::Task record, const v1::TaskInfo& task,
                                   const Place& place);
  void RestoreTask(const Saved::Task& saved, bool begun);
  void Account(const v1::TaskInfo& task);
  void MarkLaunched(const Delivery& delivery);
  Status CheckQueue() const;
  Status CheckStates() const;
  Status CheckAmounts() const;

  Framework& framework_;
  const Kind kind_;
  const v1::ExecutorInfo info_;
  const ExecutorId id_;
  const ContainerId container_;
  const std::string path_;
  const std::string directory_;
  const std::optional<std::string> user_;
  State state_ = State::kRegistering;

  std::list<Delivery> deliveries_;
  std::unordered_map<TaskId, std::list<Delivery>::iterator> queued_;
  std::unordered_map<TaskId, v1::Task> launched_;
  std::unordered_map<TaskId, v1::Task> terminated_;
  std::deque<v1::Task> completed_;
  bool ever_launched_ = false;

  std::optional<containers::Launched> process_;
  bool subscribed_ = false;
  bool shutting_down_ = false;
  std::unordered_map<TaskId, Place> places_;  // Only of tasks that are checkpointed.

  Resources allocated_;
  ExecutorLimits limits_;
  std::unique_ptr<ExecutorRun> run_;
};

// One framework with something on this agent.
struct Framework {
  FrameworkId id;
  v1::FrameworkInfo info;
  bool terminating = false;  // Its executors are shutting down; no status is sent.
  bool removed = false;      // A master removed it; it is not reported to a master again.
  std::unordered_map<ExecutorId, std::unique_ptr<Executor>> executors;
  // The executors of tasks, until a task's last status is acknowledged.
  std::unordered_map<TaskId, Executor*> tasks;

  Executor* Find(const ExecutorId& executor) const;
  Executor* Find(const TaskId& task) const;
};

}  // namespace tepui::agent
