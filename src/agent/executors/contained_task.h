// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/executors/check.h"
#include "agent/executors/executor.h"
#include "agent/executors/health_check.h"
#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// A task that the agent runs itself, from its launch to its last status, as Mesos' own executors
// do. It starts the container, reports statuses, performs checks, and kills the task by its kill
// policy (reference 2.5).
//
//   Launch -> [STARTING] -> RUNNING -> [KILLING] -> FINISHED | FAILED | KILLED
//          -> FAILED (could not start) | KILLED (killed before it ran)
//
// Exactly one terminal status is reported, when nothing of the container is left. OnTaskGone
// follows.
class ContainedTask {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The task's Record has changed. The owner must save it before it reports anything else.
    virtual void OnTaskChanged(ContainedTask& task) = 0;
    virtual void OnTaskStatus(ContainedTask& task, v1::TaskStatus status) = 0;
    // `status` is as waitpid returns it; absent if the task never ran, or its end is not known. The
    // task does nothing more. It calls this from one of its own methods, and may be destroyed when
    // that has returned.
    virtual void OnTaskGone(ContainedTask& task, std::optional<int> status) = 0;
  };

  struct Setup {
    v1::TaskInfo task;
    ExecutorId executor;
    containers::LaunchSpec launch;
    bool reports_killing = false;  // The framework has the capability TASK_KILLING_STATE.
    // True for a command task: it stays TASK_STAGING until its container runs, and the agent is
    // the source of the status if isolation ends its container. A task of a group reports
    // TASK_STARTING first, and its executor is the source.
    bool command_task = false;
  };

  ContainedTask(const Services& services, Setup setup, Owner& owner);
  ContainedTask(const ContainedTask&) = delete;
  ContainedTask& operator=(const ContainedTask&) = delete;

  void Launch();
  // Called in place of Launch if the launch could not be prepared. Reports FAILED because of
  // `error`.
  void FailLaunch(const Error& error);

  // Called in place of Launch after the agent's restart. `record` is what Record returned last, and
  // `last` is the last status.
  void Restore(const checkpoint::Task& record, const v1::TaskStatus& last);
  // Returns the container to claim.
  containers::RecoverSpec Claim() const;
  // Continues the task after Restore with what became of its container.
  void Resume(const Endings& endings);

  // Returns what the agent must know about the task after a restart, beside its TaskInfo.
  checkpoint::Task Record() const;

  // Kills the task with the grace period of `policy`, else that of the task, else 3 s. If a kill is
  // repeated, a shorter grace period hastens the end, and a longer one is ignored.
  void Kill(const std::optional<v1::KillPolicy>& policy);
  void KillWithin(Duration grace);

  const v1::TaskInfo& info() const { return setup_.task; }
  const ContainerId& container() const { return setup_.launch.id; }
  bool killed() const { return killed_; }
  bool ended() const { return state_ == State::kEnded; }

 private:
  enum class State { kNew, kLaunching, kRunning, kEnded };

  void OnLaunched(Result<containers::Launched> result);
  void AwaitEnd();
  // Calls `then` when the task's record is durable; at once if it has none.
  void WhenRecorded(std::move_only_function<void()> then);
  void StartKill(Duration grace);
  void SetKillTimer(Duration grace);
  Duration TimeLeft() const;
  void StartChecks();
  void StopWatching();
  void OnCheck(const v1::CheckStatusInfo& found);
  void OnHealth(const HealthChecker::Health& health);
  void OnCompletionTimeout();
  void OnTerminated(const containers::Termination& termination);
  void KillBeforeRunning();
  v1::TaskStatus KilledStatus() const;
  v1::TaskStatus LaunchFailedStatus(const Error& error) const;
  v1::TaskStatus EndStatus(const containers::Termination& termination) const;

  v1::TaskStatus MakeStatus(v1::TaskState state) const;
  v1::TaskStatus RepeatStatus(v1::TaskStatus::Reason reason) const;
  void Report(v1::TaskStatus status);
  void Gone(std::optional<int> status);

  const Services& services_;
  const Setup setup_;
  Owner& owner_;

  State state_ = State::kNew;
  bool killed_early_ = false;  // The task was killed during its launch.
  bool killed_ = false;
  bool out_of_time_ = false;
  bool unhealthy_ = false;
  std::optional<containers::Launched> process_;
  WallTime started_{};
  MonotonicTime kill_start_{};
  Duration kill_grace_{};
  v1::TaskStatus last_;  // The status that was reported last.

  std::unique_ptr<Checker> checker_;
  std::unique_ptr<HealthChecker> health_checker_;
  Timer kill_timer_;
  Timer completion_timer_;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
