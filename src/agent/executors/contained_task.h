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

// The life of a task that the agent runs itself, from launch to its last status: the part that
// Mesos' own executors play. It starts the container, reports, checks, and kills by the kill policy
// (reference 2.5).
//
//   Launch -> [STARTING] -> RUNNING -> [KILLING] -> FINISHED | FAILED | KILLED
//          -> FAILED (could not start) | KILLED (killed before it ran)
//
// Exactly one terminal status is reported, when nothing of the container is left, then OnTaskGone.
class ContainedTask {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // What Record tells has changed: it is to be written before anything else is told.
    virtual void OnTaskChanged(ContainedTask& task) = 0;
    virtual void OnTaskStatus(ContainedTask& task, v1::TaskStatus status) = 0;
    // `status` is as waitpid gives it, absent if the task never ran or nobody knows. The task does
    // nothing more; it may be destroyed when the call to its method, which this is made from, has
    // returned.
    virtual void OnTaskGone(ContainedTask& task, std::optional<int> status) = 0;
  };

  struct Setup {
    v1::TaskInfo task;
    ExecutorId executor;
    containers::LaunchSpec launch;
    bool reports_killing = false;  // The framework knows TASK_KILLING.
    // A task with an executor to itself, made up by the agent: it is staged while its URIs are
    // fetched, and what ends its container is told by the agent. A task of a group is started first
    // and reports itself.
    bool command_task = false;
  };

  ContainedTask(const Services& services, Setup setup, Owner& owner);
  ContainedTask(const ContainedTask&) = delete;
  ContainedTask& operator=(const ContainedTask&) = delete;

  void Launch();
  // What Launch would do for a task whose launch could not even be prepared: FAILED because of
  // `error`.
  void FailLaunch(const Error& error);

  // In place of Launch, after the agent's restart: `record` is what Record told last, `last` the
  // last status. The container is to be claimed unless the task had none yet.
  void Restore(const checkpoint::Task& record, const v1::TaskStatus& last);
  std::optional<containers::RecoverSpec> Claim() const;
  // And goes on with what became of the container.
  void Resume(const Endings& endings);

  // What a later life of the agent must know of the task beside its TaskInfo.
  checkpoint::Task Record() const;

  // The grace period of `policy`, of the task, or 3 s. Again: a shorter one hastens the end, a
  // longer one is ignored.
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
  bool killed_early_ = false;  // While the launch was on its way.
  bool interrupted_ = false;   // The agent died while it was.
  bool killed_ = false;
  bool out_of_time_ = false;
  bool unhealthy_ = false;
  std::optional<containers::Launched> process_;
  WallTime started_{};
  MonotonicTime kill_start_{};
  Duration kill_grace_{};
  v1::TaskStatus last_;  // What was reported last.

  std::unique_ptr<Checker> checker_;
  std::unique_ptr<HealthChecker> health_checker_;
  Timer kill_timer_;
  Timer completion_timer_;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
