// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/core/agent.h"
#include "agent/core/gc.h"
#include "agent/core/metrics.h"
#include "agent/core/old_sandboxes.h"
#include "agent/core/registration.h"
#include "agent/executors/custom_executor.h"
#include "agent/executors/executor.h"
#include "agent/executors/history.h"
#include "agent/executors/status_updates.h"
#include "agent/resources/operations.h"
#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// Holds the agent's records and connects its parts. Each concern has a file:
//   agent_impl.cc    the master's events, frameworks, the agent's own end
//   launch.cc        RUN_TASK and RUN_TASK_GROUP
//   recovery.cc      recovery after a restart of the agent
//   lifecycle.cc     statuses, acknowledgements, kills, the end of executors and frameworks
//   executor_api.cc  the calls of custom executors
//   snapshot.cc      what subscriptions and readers see
//   invariants.cc    what must hold after each public method
class Agent::Impl final : public ExecutorHost, public Registration::Owner {
 public:
  Impl(Options options, const Parts& parts, std::function<void(Status)> exit);

  void Recover();
  void OnMasterDetected();
  void OnMasterLost();

  Registration& registration() { return registration_; }
  void OnMasterEvent(const link::Event& event);
  void OnExecutorSubscribe(StreamId stream, const security::Caller& caller,
                           const CustomExecutor::Call& call, Reply reply);
  void OnExecutorCall(const security::Caller& caller, const CustomExecutor::Call& call,
                      Reply reply);
  void OnStreamClosed(StreamId stream);
  void Shutdown(bool unregister, const Status& status);
  void Leave();
  void OnDiskFull(bool full);
  std::shared_ptr<const AgentState> Snapshot() const;
  Status CheckInvariants() const;

 private:
  // A task or a task group on its way to its executor.
  struct Launch {
    const v1::FrameworkInfo& framework;
    v1::ExecutorInfo executor;
    Executor::Kind kind = Executor::Kind::kCustom;
    Executor::Delivery delivery;
    bool launch_executor = false;
    std::optional<std::string> resource_version;
  };
  // The reason why tasks are not launched.
  struct Refusal {
    v1::TaskStatus::Reason reason;
    std::string message;
  };

  // Registration::Owner.
  link::Call::Subscribe MakeSubscription() override;
  void OnRegistered(const link::Event::Subscribed& subscribed) override;
  void OnUnregistered() override;

  // Recovery, in this order.
  void MakeRoom(const Saved& saved);
  void FenceStore();
  void OnLoaded(Saved saved);
  Status TakeIdentity(Saved& saved);
  void RestoreExecutors(const Saved& saved);
  void RestoreHistory(const Saved& saved);
  void RestoreExecutor(Framework& framework, const Saved::Executor& saved,
                       std::vector<containers::RecoverSpec>& claims);
  void OnContainersRecovered(Result<containers::Recovered> recovered);
  void ResumeExecutors(const Endings& endings);
  LiveRuns Live() const;
  void CollectOldSandboxes(const AgentId& agent, const LiveRuns& live);

  // ExecutorHost.
  void OnTaskStatus(Executor& executor, v1::TaskStatus status) override;
  void OnExecutorEnded(Executor& executor, const ExecutorEnd& end) override;
  bool leaving() const override { return leaves_; }

  void HoldUntilSaved();
  bool AwaitsAnEnd(const link::Event& event) const;
  bool MustWait(const link::Event& event) const;
  void DropHeldLaunches(const FrameworkId& framework);

  // The master's orders.
  void OnRunTask(const link::Event::RunTask& run);
  void OnRunTaskGroup(const link::Event::RunTaskGroup& run);
  void OnKillTask(const link::Event::KillTask& kill);
  void OnAcknowledgement(const link::Event::StatusAcknowledgement& acknowledgement);
  void OnFrameworkMessage(const link::Event::FrameworkMessage& message);
  void OnShutdownExecutor(const link::Event::ShutdownExecutor& shutdown);
  void OnShutdownFramework(const FrameworkId& framework);
  void OnUpdateFramework(const v1::FrameworkInfo& info);
  void OnReconcileTasks(const link::Event::ReconcileTasks& reconcile);

  // Launching.
  void Run(Launch launch);
  std::optional<Refusal> CheckLaunch(const Framework& framework, const Launch& launch) const;
  std::optional<Refusal> CheckExecutor(const Framework& framework, const Launch& launch) const;
  void Refuse(Framework& framework, const Launch& launch, const Refusal& refusal);
  void RefuseExecutor(Framework& framework, const Launch& launch);
  Executor& AddExecutor(Framework& framework, const Launch& launch);
  Executor& AddExecutor(Framework& framework, Executor::Kind kind, const v1::ExecutorInfo& info,
                        const ContainerId& container);
  Framework& FindOrAddFramework(const v1::FrameworkInfo& info);

  // Statuses.
  v1::TaskStatus AgentStatus(const TaskId& task, v1::TaskState state, v1::TaskStatus::Reason reason,
                             std::string message) const;
  void FillStatus(v1::TaskStatus& status, const Executor* executor);
  // Sends a status of a task that is in no executor's record.
  void Report(const FrameworkId& framework, v1::TaskStatus status);
  void Forward(const FrameworkId& framework, const v1::TaskStatus& status, v1::TaskState latest);
  void AcknowledgeWhenSaved(Executor& executor, const TaskId& task, const std::string& uuid);
  void OnTaskClosed(const FrameworkId& framework, const TaskId& task);
  void EndTasks(Executor& executor, const ExecutorEnd& end);
  void KillQueued(Executor& executor, const TaskId& task);

  // Ends.
  void ShutdownExecutor(Executor& executor);
  void ShutdownFramework(Framework& framework);
  void SendExecutorExited(const FrameworkId& framework, const ExecutorId& executor, int status);
  void RemoveExecutor(Executor& executor);
  void RemoveIfIdle(Framework& framework);
  bool Outlives(const Framework& framework) const;
  void BeginEnd();
  void EndInVain();
  void ExitIfDone();
  void Finish();
  void Exit(const Status& status);
  void DestroyLater(std::unique_ptr<Executor> executor, std::unique_ptr<Framework> framework);

  // The executor API.
  // Returns the custom executor that sent `call`, if the call is valid and authorized.
  Result<Executor*> FindExecutor(const security::Caller& caller,
                                 const CustomExecutor::Call& call) const;
  Status CheckClaims(const security::Caller& caller, const Executor& executor) const;
  void OnExecutorMessage(const CustomExecutor::Call& call);

  Framework* Find(const FrameworkId& framework) const;
  Gauges MakeGauges() const;

  // Parts of CheckInvariants.
  Status CheckFramework(const Framework& framework) const;
  Status CheckExecutor(const Framework& framework, const Executor& executor) const;
  Status CheckTask(const Executor& executor, const TaskId& task) const;
  Status CheckStreams() const;
  Status CheckCheckpoint() const;

  const Options options_;
  storage::Store& store_;
  Checkpoint checkpoint_;
  const Services services_;
  const std::function<void(Status)> exit_;
  v1::AgentInfo info_;  // Includes the id once there is one.
  std::string saved_info_;
  v1::MasterInfo master_;
  const MonotonicTime start_;
  const WallTime wall_start_;

  std::unordered_map<FrameworkId, std::unique_ptr<Framework>> frameworks_;
  std::unordered_map<StreamId, Executor*> streams_;
  Metrics metrics_;

  // EXECUTOR_EXITED calls for executors that ended since the unanswered subscription, which lists
  // them as running.
  std::vector<link::Call> untold_exits_;

  StatusUpdates updates_;
  Operations operations_;
  History history_;
  SandboxGc gc_;
  Registration registration_;

  // The master's events that wait until an operation is saved, or the end of a task whose id is
  // used again. At most kMaxHeld.
  bool holds_ = false;
  std::deque<link::Event> held_;

  bool recovered_ = false;
  bool has_master_ = false;  // A leading master is known; used when recovery is complete.

  std::optional<Status> ending_;  // Set while the agent is ending: the reason.
  bool unregisters_ = false;
  bool leaves_ = false;  // Checkpointed executors keep running.
  bool finished_ = false;
  bool exited_ = false;
  Timer end_timer_;

  // Objects that ended while their own code may be running; the event loop destroys them.
  std::vector<std::unique_ptr<Framework>> ended_frameworks_;
  std::vector<std::unique_ptr<Executor>> ended_executors_;
  Timer destruction_;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
