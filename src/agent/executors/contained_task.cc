// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/contained_task.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "agent/executors/sandbox.h"
#include "agent/services/process_record.h"
#include "agent/services/statuses.h"
#include "base/log.h"
#include "base/planted_fault.h"

namespace tepui::agent {

namespace {

// Used if neither task nor kill names a grace period; the default of Mesos' executors.
constexpr Duration kDefaultKillGrace = std::chrono::seconds(3);

constexpr char kNotStarted[] = "The agent was restarted before it had started the task";

}  // namespace

ContainedTask::ContainedTask(const Services& services, Setup setup, Owner& owner)
    : services_(services),
      setup_(std::move(setup)),
      owner_(owner),
      kill_timer_(services.clock),
      completion_timer_(services.clock) {}

void ContainedTask::Launch() {
  state_ = State::kLaunching;
  if (!setup_.command_task) Report(MakeStatus(v1::TASK_STARTING));
  LaunchContainer(services_, setup_.launch, lifetime_,
                  [this](Result<containers::Launched> result) { OnLaunched(std::move(result)); });
}

void ContainedTask::FailLaunch(const Error& error) { OnLaunched(Fail(error)); }

void ContainedTask::OnLaunched(Result<containers::Launched> result) {
  if (!result) {
    state_ = State::kEnded;
    Report(killed_early_ ? KilledStatus() : LaunchFailedStatus(result.error()));
    return Gone(std::nullopt);
  }
  process_ = std::move(*result);
  started_ = services_.clock.WallNow();
  owner_.OnTaskChanged(*this);
  state_ = State::kRunning;
  if (std::exchange(killed_early_, false)) {
    WhenRecorded([this] { services_.containerizer.Destroy(container()); });
  } else {
    if (!last_.has_state()) Report(MakeStatus(v1::TASK_STARTING));
    Report(MakeStatus(v1::TASK_RUNNING));
    StartChecks();
  }
  AwaitEnd();
}

void ContainedTask::AwaitEnd() {
  services_.containerizer.Wait(container(),
                               lifetime_.Bind([this](const containers::Termination& termination) {
                                 OnTerminated(termination);
                               }));
}

void ContainedTask::Restore(const checkpoint::Task& record, const v1::TaskStatus& last) {
  last_ = last;
  started_ = WallTime(Duration(record.started_nanoseconds()));
  if (record.has_process()) process_ = FromRecord(record.process());
  if (!record.has_kill()) return;
  killed_ = true;
  killed_early_ = !process_;
  unhealthy_ = record.kill().cause() == checkpoint::Task::Kill::UNHEALTHY;
  out_of_time_ = record.kill().cause() == checkpoint::Task::Kill::OUT_OF_TIME;
  kill_grace_ = Duration(std::max<int64_t>(record.kill().grace_nanoseconds(), 0));
}

containers::RecoverSpec ContainedTask::Claim() const {
  return {setup_.launch, process_.value_or(containers::Launched())};
}

void ContainedTask::Resume(const Endings& endings) {
  if (endings.not_started.contains(container())) {
    return FailLaunch({Code::kInternal, kNotStarted});
  }
  if (const auto* ending = endings.Find(container())) return OnTerminated(*ending);
  // The agent ended before it had recorded the start.
  if (!process_) return OnLaunched(endings.running.at(container()));
  state_ = State::kRunning;
  AwaitEnd();
  if (killed_) {
    // The task gets its full grace period again, even if it was signalled before the restart.
    StartKill(kill_grace_);
    return;
  }
  if (last_.state() != v1::TASK_RUNNING) Report(MakeStatus(v1::TASK_RUNNING));
  StartChecks();
}

checkpoint::Task ContainedTask::Record() const {
  checkpoint::Task record;
  record.set_container(container().value());
  if (process_) {
    *record.mutable_process() = ToRecord(*process_);
    record.set_started_nanoseconds(started_.time_since_epoch().count());
  }
  if (!killed_) return record;
  checkpoint::Task::Kill* kill = record.mutable_kill();
  kill->set_cause(unhealthy_     ? checkpoint::Task::Kill::UNHEALTHY
                  : out_of_time_ ? checkpoint::Task::Kill::OUT_OF_TIME
                                 : checkpoint::Task::Kill::ASKED);
  kill->set_grace_nanoseconds(kill_grace_.count());
  return record;
}

void ContainedTask::StartChecks() {
  const v1::TaskInfo& task = setup_.task;
  if (task.has_check()) {
    checker_ =
        std::make_unique<Checker>(services_, task.check(), container(),
                                  [this](const v1::CheckStatusInfo& found) { OnCheck(found); });
  }
  if (task.has_health_check()) {
    health_checker_ = std::make_unique<HealthChecker>(
        services_, task.health_check(), container(),
        [this](const HealthChecker::Health& health) { OnHealth(health); });
  }
  if (task.max_completion_time().nanoseconds() > 0) {
    completion_timer_.Set(TimeLeft(), [this] { OnCompletionTimeout(); });
  }
}

// Returns what is left of its maximum completion time, which counts from its start.
Duration ContainedTask::TimeLeft() const {
  const Duration allowed = FromProto(setup_.task.max_completion_time());
  return std::clamp(started_ + allowed - services_.clock.WallNow(), Duration::zero(), allowed);
}

void ContainedTask::StopWatching() {
  if (checker_) checker_->Stop();
  if (health_checker_) health_checker_->Stop();
  completion_timer_.Cancel();
}

void ContainedTask::OnCheck(const v1::CheckStatusInfo& found) {
  v1::TaskStatus status = RepeatStatus(v1::TaskStatus::REASON_TASK_CHECK_STATUS_UPDATED);
  *status.mutable_check_status() = found;
  Report(std::move(status));
}

void ContainedTask::OnHealth(const HealthChecker::Health& health) {
  v1::TaskStatus status = RepeatStatus(v1::TaskStatus::REASON_TASK_HEALTH_CHECK_STATUS_UPDATED);
  status.set_healthy(health.healthy);
  Report(std::move(status));
  if (!health.kill) return;
  spdlog::info("Killing task {}: its health check failed too often", setup_.task.task_id().value());
  unhealthy_ = true;
  Kill(std::nullopt);
}

void ContainedTask::OnCompletionTimeout() {
  spdlog::info("Killing task {}: it ran longer than its maximum completion time",
               setup_.task.task_id().value());
  out_of_time_ = true;
  KillWithin(Duration::zero());
}

void ContainedTask::Kill(const std::optional<v1::KillPolicy>& policy) {
  if (policy && policy->has_grace_period()) {
    KillWithin(FromProto(policy->grace_period()));
  } else if (setup_.task.kill_policy().has_grace_period()) {
    KillWithin(FromProto(setup_.task.kill_policy().grace_period()));
  } else {
    KillWithin(kDefaultKillGrace);
  }
}

void ContainedTask::KillWithin(Duration grace) {
  if (state_ == State::kEnded || killed_early_) return;
  if (state_ != State::kRunning) return KillBeforeRunning();

  if (killed_) {
    // A repeated kill must neither restart nor lengthen the grace period, but may shorten it.
    kill_grace_ = std::min(kill_grace_, grace);
    if (!kill_timer_.pending() || kill_start_ + grace >= kill_timer_.due()) return;
    return SetKillTimer(std::max(kill_start_ + grace - services_.clock.Now(), Duration::zero()));
  }
  killed_ = true;
  kill_grace_ = grace;
  owner_.OnTaskChanged(*this);
  StopWatching();
  if (setup_.reports_killing && !out_of_time_) Report(MakeStatus(v1::TASK_KILLING));
  // An agent that did not know of the kill after its restart would report that the task has failed.
  WhenRecorded([this] {
    if (state_ == State::kRunning) StartKill(kill_grace_);
  });
}

void ContainedTask::WhenRecorded(std::move_only_function<void()> then) {
  if (!setup_.launch.outlives_agent) return then();
  services_.checkpoint.WhenSaved(lifetime_.Bind(std::move(then)));
}

void ContainedTask::StartKill(Duration grace) {
  kill_start_ = services_.clock.Now();
  services_.containerizer.Signal(container(), SIGTERM);
  if (TEPUI_PLANTED_FAULT("killed-told-too-early")) Report(MakeStatus(v1::TASK_KILLED));
  SetKillTimer(grace);
}

void ContainedTask::SetKillTimer(Duration grace) {
  kill_timer_.Set(grace, [this] {
    spdlog::info("Task {} is still there after its grace period; killing it",
                 setup_.task.task_id().value());
    services_.containerizer.Destroy(container());
  });
}

void ContainedTask::KillBeforeRunning() {
  killed_ = true;
  killed_early_ = true;
  if (state_ == State::kNew) {
    Report(KilledStatus());
    return Gone(std::nullopt);
  }
  owner_.OnTaskChanged(*this);
  // The end is reported only when the container is gone: the program may be starting right now, and
  // the task's resources are free as soon as the end is reported.
  WhenRecorded([this] { services_.containerizer.Destroy(container()); });
}

void ContainedTask::OnTerminated(const containers::Termination& termination) {
  if (TEPUI_PLANTED_FAULT("failed-task-restarted") && termination.status.value_or(0) != 0 &&
      !killed_) {
    services_.containerizer.Forget(container());
    return Launch();
  }
  state_ = State::kEnded;
  StopWatching();
  Report(EndStatus(termination));
  ForgetContainer(services_, container(), setup_.launch.outlives_agent);
  Gone(termination.status);
}

v1::TaskStatus ContainedTask::KilledStatus() const {
  v1::TaskStatus status = MakeStatus(v1::TASK_KILLED);
  status.set_source(v1::TaskStatus::SOURCE_AGENT);
  status.set_reason(v1::TaskStatus::REASON_TASK_KILLED_DURING_LAUNCH);
  status.set_message("Killed before the task was started");
  return status;
}

v1::TaskStatus ContainedTask::LaunchFailedStatus(const Error& error) const {
  v1::TaskStatus status = MakeStatus(v1::TASK_FAILED);
  status.set_source(v1::TaskStatus::SOURCE_AGENT);
  status.set_reason(v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  status.set_message("Failed to launch container: " + error.message);
  return status;
}

v1::TaskStatus ContainedTask::EndStatus(const containers::Termination& termination) const {
  v1::TaskStatus status;
  std::string words;
  if (!termination.status) {
    status = MakeStatus(v1::TASK_FAILED);
    status.set_reason(v1::TaskStatus::REASON_EXECUTOR_TERMINATED);
    words = "Command terminated with unknown status";
  } else {
    words = "Command " + DescribeWaitStatus(*termination.status);
    if (out_of_time_) {
      status = MakeStatus(v1::TASK_FAILED);
      status.set_reason(v1::TaskStatus::REASON_MAX_COMPLETION_TIME_REACHED);
    } else if (killed_) {
      status = MakeStatus(v1::TASK_KILLED);
    } else {
      status = MakeStatus(Succeeded(*termination.status) ? v1::TASK_FINISHED : v1::TASK_FAILED);
    }
  }
  if (termination.reason) {
    // Isolation knows better why the task ended than the exit status shows.
    status.set_state(v1::TASK_FAILED);
    status.set_reason(*termination.reason);
    if (setup_.command_task) {
      status.set_source(v1::TaskStatus::SOURCE_AGENT);
      words.clear();
    }
  }
  if (!termination.limited.empty()) {
    termination.limited.ToProto(status.mutable_limitation()->mutable_resources());
  }
  if (!termination.message.empty()) {
    words += (words.empty() ? "" : ": ") + termination.message;
  }
  status.set_message(std::move(words));
  if (unhealthy_) status.set_healthy(false);
  return status;
}

v1::TaskStatus ContainedTask::MakeStatus(v1::TaskState state) const {
  v1::TaskStatus status;
  *status.mutable_task_id() = setup_.task.task_id();
  status.set_state(state);
  status.set_source(v1::TaskStatus::SOURCE_EXECUTOR);
  status.mutable_executor_id()->set_value(setup_.executor.value());
  if (setup_.task.has_check())
    *status.mutable_check_status() = EmptyCheckStatus(setup_.task.check());
  v1::ContainerStatus* container_status = status.mutable_container_status();
  *container_status->mutable_container_id() = ToProto(container());
  if (process_) container_status->set_executor_pid(static_cast<uint32_t>(process_->pid));
  return status;
}

// Returns a status that keeps what was last known about the running task.
v1::TaskStatus ContainedTask::RepeatStatus(v1::TaskStatus::Reason reason) const {
  v1::TaskStatus status = last_;
  status.clear_uuid();
  status.clear_timestamp();
  status.set_reason(reason);
  return status;
}

void ContainedTask::Report(v1::TaskStatus status) {
  last_ = status;
  owner_.OnTaskStatus(*this, std::move(status));
}

void ContainedTask::Gone(std::optional<int> status) {
  state_ = State::kEnded;
  StopWatching();
  kill_timer_.Cancel();
  owner_.OnTaskGone(*this, status);
}

}  // namespace tepui::agent
