// SPDX-License-Identifier: Apache-2.0
// Recovery of the agent after a restart: load what was saved, claim the containers, resume their
// executors with what became of them, then subscribe to the master.

#include <algorithm>
#include <cassert>
#include <utility>

#include "agent/core/agent_impl.h"
#include "agent/core/old_sandboxes.h"
#include "agent/core/reconfiguration.h"
#include "base/log.h"

namespace tepui::agent {
namespace {

constexpr size_t kProblemsTold = 3;

std::string Join(const std::vector<Saved::Problem>& problems) {
  std::string text;
  for (const Saved::Problem& problem : problems) {
    if (&problem - problems.data() == kProblemsTold) {
      return text + fmt::format("; and {} more", problems.size() - kProblemsTold);
    }
    text += (text.empty() ? "" : "; ") + problem.message;
  }
  return text;
}

Executor::Kind FromProto(checkpoint::Executor::Kind kind) {
  switch (kind) {
    case checkpoint::Executor::COMMAND:
      return Executor::Kind::kCommand;
    case checkpoint::Executor::GROUP:
      return Executor::Kind::kGroup;
    case checkpoint::Executor::CUSTOM:
      break;
  }
  return Executor::Kind::kCustom;
}

// Returns the error with which loading failed. If the store is damaged, its message also states
// what can be done.
Error WithWayOut(Error error, bool strict) {
  if (error.code == Code::kInternal && strict) {
    error.message +=
        ". Or start the agent once with --strict=false: it goes on without the records that are "
        "damaged, and what they are about is ended";
  }
  return error;
}

}  // namespace

void Agent::Impl::Recover() {
  store_.TakeOver(lifetime_.Bind([this](const Result<uint64_t>& epoch) {
    if (!epoch) return Exit(Fail(epoch.error()));
    store_.Load("", lifetime_.Bind([this](const Result<std::vector<storage::Entry>>& entries) {
      if (exited_) return;
      if (!entries) return Exit(Fail(WithWayOut(entries.error(), options_.strict)));
      OnLoaded(ReadCheckpoint(*entries));
    }));
  }));
}

void Agent::Impl::OnLoaded(Saved saved) {
  if (!saved.problems.empty() && options_.strict) {
    return Exit(
        Fail(Code::kInternal,
             "The agent's checkpoint is damaged: {}. With --strict=false it goes on without "
             "these records, and what they are about is ended",
             Join(saved.problems)));
  }
  if (Status taken = TakeIdentity(saved); !taken) return Exit(taken);
  const bool give_up = options_.recover == Options::Recover::kCleanup;
  if (Status restored = operations_.Restore(saved, give_up); !restored) {
    return Exit(Fail(restored.error().code,
                     "Reservations and volumes of this agent do not fit its resources: {}. Give it "
                     "the --resources it had, or run it once with --recover=cleanup, which gives "
                     "them up",
                     restored.error().message));
  }
  checkpoint_.Restore(saved);
  std::vector<std::string> damaged;
  for (const Saved::Problem& problem : saved.problems) {
    spdlog::error("Left out of the agent's checkpoint: {}: {}", problem.message,
                  LostWith(problem.key));
    damaged.push_back(problem.key);
  }
  checkpoint_.Remove(damaged);
  operations_.ResumeDestroying(saved);
  RestoreExecutors(saved);
}

// Restores the agent's id, or clears `saved.agent` if the agent must register as a new one.
Status Agent::Impl::TakeIdentity(Saved& saved) {
  if (!saved.agent) return {};  // Never registered, or ended for good.
  const v1::AgentInfo& before = saved.agent->info();
  const bool rebooted = saved.agent->boot_id() != options_.boot_id;
  if (rebooted) spdlog::info("The machine was started anew: no container is left");
  const Status fits = options_.recover == Options::Recover::kCleanup
                          ? Status()
                          : CheckReconfiguration(before, options_.info, options_.reconfiguration);
  if (fits) {
    *info_.mutable_id() = before.id();
    services_.links.Identify(AgentId(before.id().value()));
    return {};
  }
  if (!rebooted) return fits;
  // After a reboot nothing runs that relies on the old id.
  spdlog::warn("Registering as a new agent: {}", fits.error().message);
  saved.agent.reset();
  return {};
}

void Agent::Impl::RestoreExecutors(const Saved& saved) {
  std::vector<containers::RecoverSpec> claims;
  if (!saved.agent) operations_.Forget();
  std::vector<FrameworkId> removed;
  for (const auto& [id, record] : saved.frameworks) {
    if (!saved.agent || record.removed) {
      removed.push_back(id);
      continue;
    }
    std::unique_ptr<Framework>& framework = frameworks_[id];
    framework = std::make_unique<Framework>();
    framework->id = id;
    framework->info = record.info;
  }
  for (const Saved::Executor& executor : saved.executors) {
    Framework* framework = Find(FrameworkId(executor.record.framework_id().value()));
    const ExecutorId id(executor.record.info().executor_id().value());
    if (framework == nullptr || framework->executors.contains(id)) {
      checkpoint_.RemoveExecutor(executor.container);
    } else {
      RestoreExecutor(*framework, executor, claims);
    }
  }
  for (containers::RecoverSpec& claim : claims) {
    if (claim.launched.pid == 0) claim.launched.boot_id = saved.agent->boot_id();
  }
  RestoreHistory(saved);
  // The executors are removed before their frameworks: no executor may be found without its
  // framework.
  for (const FrameworkId& id : removed) checkpoint_.RemoveFramework(id);
  spdlog::info("Recovering {} frameworks, {} executors and {} containers", frameworks_.size(),
               saved.executors.size(), claims.size());
  services_.containerizer.Recover(std::move(claims),
                                  lifetime_.Bind([this](Result<containers::Recovered> recovered) {
                                    if (!exited_) OnContainersRecovered(std::move(recovered));
                                  }));
}

void Agent::Impl::RestoreHistory(const Saved& saved) {
  if (!saved.agent) {
    std::vector<uint64_t> of_another;
    for (const Saved::Completed& completed : saved.completed)
      of_another.push_back(completed.number);
    return checkpoint_.RemoveCompleted(of_another);
  }
  history_.Restore(saved.completed, AgentId(info_.id().value()),
                   [this](const FrameworkId& id) { return Find(id) != nullptr; });
}

void Agent::Impl::RestoreExecutor(Framework& framework, const Saved::Executor& saved,
                                  std::vector<containers::RecoverSpec>& claims) {
  Executor& executor =
      AddExecutor(framework, FromProto(saved.record.kind()), saved.record.info(), saved.container);
  executor.Restore(saved);
  for (const Saved::Task& task : saved.tasks) {
    const TaskId id(task.record.info().task_id().value());
    framework.tasks[id] = &executor;
    updates_.Restore(framework.id, id, {saved.container, task.number}, task.statuses);
  }
  if (executor.state() != Executor::State::kTerminated) executor.run().Restore(saved, claims);
}

void Agent::Impl::OnContainersRecovered(Result<containers::Recovered> recovered) {
  assert(!recovered_);
  if (!recovered) return Exit(Fail(recovered.error()));
  if (!recovered->refused.empty()) {
    const auto& refused = recovered->refused.front();
    return Exit(Fail(refused.error.code, "Container {} cannot be recovered{}: {}", refused.id,
                     recovered->refused.size() == 1
                         ? ""
                         : fmt::format(", nor can {} more", recovered->refused.size() - 1),
                     refused.error.message));
  }
  if (!recovered->orphans.empty()) {
    spdlog::info("Destroyed {} containers that are not to outlive the agent",
                 recovered->orphans.size());
  }
  Endings endings;
  for (auto& ended : recovered->ended) endings.ended[ended.id] = std::move(ended.termination);
  endings.running = std::move(recovered->processes);
  endings.not_started = {recovered->not_started.begin(), recovered->not_started.end()};
  recovered_ = true;
  // This comes before any deadline is set, as it may take a while.
  CollectOldSandboxes();
  ResumeExecutors(endings);
  if (ending_) return BeginEnd();
  if (options_.recover == Options::Recover::kCleanup) {
    spdlog::info("Ending what the agent's last life has left, as --recover=cleanup says");
    return Shutdown(false, {});
  }
  if (has_master_) registration_.OnMasterDetected();
}

void Agent::Impl::ResumeExecutors(const Endings& endings) {
  std::vector<Executor*> executors;
  std::vector<Framework*> frameworks;
  for (const auto& [id, framework] : frameworks_) {
    frameworks.push_back(framework.get());
    for (const auto& [executor_id, executor] : framework->executors) {
      executors.push_back(executor.get());
    }
  }
  // The pointers stay valid: what ends here is destroyed later, from the event loop.
  for (Executor* executor : executors) {
    if (executor->state() != Executor::State::kTerminated) {
      const bool shutting_down = executor->shutting_down();
      executor->run().Resume(endings);
      if (shutting_down && executor->active()) ShutdownExecutor(*executor);
    } else if (executor->idle()) {
      RemoveExecutor(*executor);
    } else {
      // The executor has an unfinished task only if the record of a last status was damaged.
      ExecutorEnd lost;
      lost.message =
          "The task has ended, and how was lost with a damaged record of the agent's checkpoint";
      EndTasks(*executor, lost);
    }
  }
  for (Framework* framework : frameworks) RemoveIfIdle(*framework);
}

// Schedules the sandboxes of what ended before the restart. They age since their last change.
void Agent::Impl::CollectOldSandboxes() {
  const WallTime now = services_.clock.WallNow();
  for (const OldSandbox& old : FindOldSandboxes(services_.disk, options_.work_dir,
                                                AgentId(info_.id().value()), frameworks_)) {
    gc_.ScheduleOld(old.path, std::max<Duration>(now - old.modified, Duration::zero()));
  }
}

void Agent::Impl::OnMasterDetected() {
  has_master_ = true;
  if (recovered_) registration_.OnMasterDetected();
}

void Agent::Impl::OnMasterLost() {
  has_master_ = false;
  if (recovered_) registration_.OnMasterLost();
}

}  // namespace tepui::agent
