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

class Executor;
struct Framework;

// How an executor ended.
struct ExecutorEnd {
  std::optional<int> status;  // As waitpid gives it, if known.
  bool launch_failed = false;
  // Why, if something other than the executor itself ended it; and the words for its tasks.
  std::optional<v1::TaskStatus::Reason> reason;
  std::string message;
  Resources limited;
};

// What an executor tells the agent.
class ExecutorHost {
 public:
  virtual ~ExecutorHost() = default;
  // About one of its tasks: source set; the agent adds what is missing (uuid, timestamp, agent).
  virtual void OnTaskStatus(Executor& executor, v1::TaskStatus status) = 0;
  // Nothing of it is left. The executor may be destroyed once the caller has returned to the event
  // loop.
  virtual void OnExecutorEnded(Executor& executor, const ExecutorEnd& end) = 0;
  // The agent ends: an executor that outlives it has no deadlines any more.
  virtual bool leaving() const = 0;
};

// What became of the containers of the agent's last life that do not run as they did.
struct Endings {
  std::map<ContainerId, containers::Termination> ended;
  // Nobody claimed them, but they do not end: they are waited for.
  std::set<ContainerId> survivors;

  // Null if it has not ended.
  const containers::Termination* Find(const ContainerId& id) const {
    const auto found = ended.find(id);
    return found == ended.end() ? nullptr : &found->second;
  }
};

// What moves an executor's tasks: the agent itself (CommandExecutor, GroupExecutor) or a process
// (CustomExecutor).
class ExecutorRun {
 public:
  virtual ~ExecutorRun() = default;
  // Takes what is queued in the executor's record, now or when it can.
  virtual void Start() = 0;
  virtual void OnQueued() = 0;
  // Of a task that the executor has.
  virtual void Kill(const TaskId& task, const std::optional<v1::KillPolicy>& policy) = 0;
  // Ends everything within `grace`; OnExecutorEnded follows.
  virtual void Shutdown(Duration grace) = 0;

  // In place of Start, after the agent's restart. Restore takes up what was saved and adds the
  // containers it claims; Resume goes on from what became of them: those that are not among the
  // endings run.
  virtual void Restore(const Saved::Executor& saved,
                       std::vector<containers::RecoverSpec>& claims) = 0;
  virtual void Resume(const Endings& endings) = 0;
};

// The agent's record of one executor and its tasks (reference 5.1, 5.2). Tasks move from queued to
// launched to terminated (their last status waits to be acknowledged) to completed.
class Executor {
 public:
  enum class State { kRegistering, kRunning, kTerminating, kTerminated };
  enum class Kind {
    kCommand,  // Made up by the agent for a command task.
    kGroup,    // ExecutorInfo.type DEFAULT: the agent runs its task groups.
    kCustom,   // A process of the framework's.
  };
  // A task or a task group that was not started yet: all of it or nothing.
  struct Delivery {
    std::vector<v1::TaskInfo> tasks;
    bool group = false;
    uint64_t number = 0;  // Of its first task in the checkpoint; 0 if there is none.
  };

  Executor(Framework& framework, Kind kind, v1::ExecutorInfo info, ContainerId container,
           std::string path, std::string directory, std::optional<std::string> user);
  ~Executor();

  Framework& framework() const { return framework_; }
  Kind kind() const { return kind_; }
  const ExecutorId& id() const { return id_; }
  const v1::ExecutorInfo& info() const { return info_; }
  const ContainerId& container() const { return container_; }
  const std::string& path() const { return path_; }            // Of all its runs.
  const std::string& directory() const { return directory_; }  // The sandbox of this one.
  const std::optional<std::string>& user() const { return user_; }
  // What is known of it outlives the agent, and so does it.
  bool checkpointed() const { return framework_info().checkpoint(); }

  State state() const { return state_; }
  void set_state(State state) { state_ = state; }
  bool active() const { return state_ == State::kRegistering || state_ == State::kRunning; }

  ExecutorRun& run() const { return *run_; }
  void set_run(std::unique_ptr<ExecutorRun> run) { run_ = std::move(run); }

  // Written with Save: of a custom executor, its process; whether it may have been given tasks.
  void set_process(const containers::Launched& process) { process_ = process; }
  void set_subscribed() { subscribed_ = true; }
  bool subscribed() const { return subscribed_; }
  // Its shutdown had begun before the agent's restart.
  bool shutting_down() const { return shutting_down_; }

  // All do nothing unless checkpointed.
  void Save(Checkpoint& checkpoint) const;
  // Before Enqueue: numbers its tasks and writes them.
  void SaveTasks(Checkpoint& checkpoint, Delivery& delivery);
  // `record` says what there is to know beside what the executor knows.
  void SaveTask(Checkpoint& checkpoint, const v1::TaskInfo& task, checkpoint::Task record) const;
  // Absent: nothing is written of the task.
  std::optional<TaskKey> KeyOf(const TaskId& task) const;
  // The record as it was before the agent's restart, and all its tasks.
  void Restore(const Saved::Executor& saved);

  void Enqueue(Delivery delivery);
  // The first delivery in the queue becomes launched (state STAGING); nothing if the queue is
  // empty.
  std::optional<Delivery> LaunchNext();
  // Takes the delivery with `task` out of the queue, if it is there; its tasks become launched to
  // be told their end.
  std::optional<Delivery> LaunchQueued(const TaskId& task);
  bool IsQueued(const TaskId& task) const { return queued_.contains(task); }
  bool queue_empty() const { return deliveries_.empty(); }
  const std::list<Delivery>& deliveries() const { return deliveries_; }

  // Null if unknown. Launched and terminated ones.
  v1::Task* FindTask(const TaskId& task);
  const std::unordered_map<TaskId, v1::Task>& launched() const { return launched_; }
  const std::unordered_map<TaskId, v1::Task>& terminated() const { return terminated_; }
  bool ever_launched() const { return ever_launched_; }
  // False: the task has ended before or is not known; nothing changed.
  bool Apply(const v1::TaskStatus& status);
  // The last status of a terminated task was acknowledged.
  void Complete(const TaskId& task);
  // Neither queued, nor launched, nor waiting for an acknowledgement.
  bool idle() const { return queued_.empty() && launched_.empty() && terminated_.empty(); }

  // What the executor and its unfinished tasks use.
  const Resources& allocated() const { return allocated_; }
  ExecutorLimits::Limits limits() const { return limits_.Get(); }

  ExecutorState Snapshot() const;

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
  std::unordered_map<TaskId, Place> places_;  // Of tasks that are checkpointed.

  Resources allocated_;
  ExecutorLimits limits_;
  std::unique_ptr<ExecutorRun> run_;
};

// One framework with something on this agent.
struct Framework {
  FrameworkId id;
  v1::FrameworkInfo info;
  bool terminating = false;  // Its executors are told to end; no status is sent.
  bool removed = false;      // By the master that said so: no master is told of it again.
  std::unordered_map<ExecutorId, std::unique_ptr<Executor>> executors;
  // Which executor has a task, until its last status is acknowledged.
  std::unordered_map<TaskId, Executor*> tasks;

  bool PartitionAware() const;
  Executor* Find(const ExecutorId& executor) const;
  Executor* Find(const TaskId& task) const;
};

}  // namespace tepui::agent
