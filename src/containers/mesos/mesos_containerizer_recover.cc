// SPDX-License-Identifier: Apache-2.0
// How MesosContainerizer recovers the containers from before the agent's restart.
//
// Agent's thread: Recover makes the records. Worker: searches for orphans. Agent's thread: sends
// each claim and each orphan to a worker. Worker: attaches to the shim, or cleans up the container.
// Agent's thread: reports the result when the last one is done.

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "containers/isolators/posix_isolators.h"
#include "containers/mesos/container.h"
#include "containers/mesos/mesos_containerizer.h"

namespace tepui::containers {
namespace {

constexpr auto kAbandonTimeout = std::chrono::seconds(1);

// Returns whether `ids` contains a container nested in `id`: one whose name begins with `id` and a
// dot.
bool HasNested(const ContainerId& id, const std::set<ContainerId>& ids) {
  const std::string prefix = id.value() + ".";
  auto next = ids.lower_bound(ContainerId(prefix));
  return next != ids.end() && next->value().starts_with(prefix);
}

bool Holds(const shim::Welcome& shim, const Launched& process) {
  return shim.task_pid == process.pid && shim.task_start_ticks == process.start_ticks;
}

}  // namespace

void MesosContainerizer::Recover(std::vector<RecoverSpec> specs, RecoverCallback callback) {
  std::set<ContainerId> claimed;
  Status checked;
  if (!std::exchange(fresh_, false)) {
    checked = Fail(Code::kInvalid, "Containers are recovered once, before any is launched");
  }
  for (const RecoverSpec& spec : specs) {
    const ContainerId& id = spec.launch.id;
    if (checked) checked = CheckId(id);
    if (checked && !claimed.insert(id).second) {
      checked = Fail(Code::kInvalid, "Container '{}' is claimed twice", id);
    }
  }
  if (!checked) {
    Post([error = checked.error(), callback = std::move(callback)]() mutable {
      callback(Fail(std::move(error)));
    });
    return;
  }
  recovery_ = std::make_unique<Recovery>();
  recovery_->callback = std::move(callback);
  workers_->Submit([this, specs = std::move(specs), claimed = std::move(claimed)]() mutable {
    Result<std::vector<Orphan>> orphans = FindOrphans(claimed);
    Post([this, specs = std::move(specs), orphans = std::move(orphans)]() mutable {
      OnOrphansFound(std::move(specs), std::move(orphans));
    });
  });
}

Result<std::vector<MesosContainerizer::Orphan>> MesosContainerizer::FindOrphans(
    const std::set<ContainerId>& claimed) {
  Result<std::vector<ContainerId>> known = runtime_->List();
  if (!known) return Fail(known.error());
  std::set<ContainerId> found(known->begin(), known->end());
  for (const ContainerId& id : isolation_->Found()) {
    // A cgroup of a container without a directory may exist only for nested containers.
    if (!HasNested(id, claimed)) found.insert(id);
  }
  std::vector<Orphan> orphans;
  for (const ContainerId& id : found) {
    if (!claimed.contains(id)) orphans.push_back({id, HasNested(id, claimed)});
  }
  return orphans;
}

void MesosContainerizer::OnOrphansFound(std::vector<RecoverSpec> specs,
                                        Result<std::vector<Orphan>> orphans) {
  if (!orphans) {
    return std::exchange(recovery_, nullptr)->callback(Fail(orphans.error()));
  }
  recovery_->steps_left = specs.size() + orphans->size() + 1;
  for (RecoverSpec& spec : specs) {
    auto plan = std::make_shared<Plan>();
    plan->demand = {spec.launch.resources, spec.launch.limits};
    plan->spec = std::move(spec.launch);
    plan->spec.command.clear_uris();
    auto container = std::make_unique<Container>();
    container->plan = plan;
    container->demand = plan->demand;
    containers_.emplace(plan->id(), std::move(container));
    workers_->Submit(
        [this, plan, process = std::move(spec.launched)] { RecoverOne(plan, process); });
  }
  for (Orphan& orphan : *orphans) {
    workers_->Submit([this, orphan = std::move(orphan)] {
      Post([this, id = orphan.id, destroyed = DestroyOrphan(orphan)]() mutable {
        OnOrphanDestroyed(id, std::move(destroyed));
      });
    });
  }
  OnRecoveryStep();
}

void MesosContainerizer::RecoverOne(const std::shared_ptr<Plan>& plan, const Launched& process) {
  using Answer = ShimProcess::Attached::Answer;
  const ContainerId& id = plan->id();
  Result<ShimProcess::Attached> attached =
      ShimProcess::Attach(*runtime_, id, options_.shim_timeout);
  Error refusal;
  if (attached && attached->answer == Answer::kWelcome && Holds(attached->welcome, process)) {
    return Reattach(plan, process, attached->shim);
  }
  if (attached && attached->answer == Answer::kOtherVersion) {
    refusal = {Code::kInvalid,
               fmt::format("Container {} is held by a shim that speaks versions {} to {} of its "
                           "protocol, and this agent speaks {} to {}; run the build of Tepui that "
                           "started it, or a later one",
                           id, attached->welcome.oldest, attached->welcome.newest,
                           shim::kOldestVersion, shim::kVersion)};
  } else if (!attached && attached.error().code == Code::kUnavailable) {
    refusal = attached.error();
  } else if (attached && !EndShim(id, *attached)) {
    // It has not ended yet; the agent will be notified when it does.
    Post([this, id, process, shim = attached->shim]() mutable {
      recovery_->result.running.push_back(id);
      OnSurvivor(id, process, std::move(shim));
      OnRecoveryStep();
    });
    return;
  }
  if (!refusal.message.empty()) {
    Post([this, id, refusal = std::move(refusal)]() mutable {
      containers_.erase(id);
      recovery_->result.refused.push_back({id, std::move(refusal)});
      OnRecoveryStep();
    });
    return;
  }
  const char* why_unknown = "The task's shim ended before the task";
  if (attached) why_unknown = "The task's shim did not answer as the task's, and was killed";
  if (process.boot_id != boot_id_) why_unknown = "The machine was started anew since the task was";
  Termination termination = CleanUpNow(id, process, std::nullopt).ToTermination(why_unknown);
  Post([this, id, termination = std::move(termination)]() mutable {
    containers_.erase(id);
    recovery_->result.ended.push_back({id, std::move(termination)});
    OnRecoveryStep();
  });
}

void MesosContainerizer::Reattach(const std::shared_ptr<Plan>& plan, const Launched& process,
                                  const std::shared_ptr<ShimProcess>& shim) {
  const ContainerId& id = plan->id();
  Status isolated = isolation_->Recover(id);
  if (isolated) {
    ArmAlarms(*plan);
    isolated = isolation_->Update(id, plan->demand);
  }
  if (!isolated) {
    spdlog::warn("Container {} is not isolated as it should be: {}", id, isolated.error().message);
  }
  Result<shim::Launch> launch = PlanOf(*plan);
  if (launch) {
    plan->launch = std::move(*launch);
    plan->planned = true;
    plan->spec.environment.clear();
  }
  Post([this, id, process, shim] { OnReattached(id, process, shim); });
}

void MesosContainerizer::OnReattached(const ContainerId& id, const Launched& process,
                                      std::shared_ptr<ShimProcess> shim) {
  Find(id)->process = process;
  recovery_->result.running.push_back(id);
  OnShim(id, std::move(shim));
  OnRecoveryStep();
}

void MesosContainerizer::OnRecoveryStep() {
  if (--recovery_->steps_left > 0) return;
  const std::unique_ptr<Recovery> recovery = std::exchange(recovery_, nullptr);
  Recovered& result = recovery->result;
  auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::ranges::sort(result.running);
  std::ranges::sort(result.ended, by_id);
  std::ranges::sort(result.refused, by_id);
  std::ranges::sort(result.orphans);
  std::ranges::sort(result.survivors);
  // Events are posted, so they arrive after the callback.
  for (const ContainerId& id : result.survivors) ObserveShim(id, Find(id)->shim);
  for (const ContainerId& id : result.running) {
    ObserveShim(id, Find(id)->shim);
    FindLimitation(id, /*alarmed=*/false);  // It may have reached a limit while no agent ran.
  }
  recovery->callback(std::move(result));
}

// Returns false if the shim is still alive, because a process below it survives or the shim cannot
// be killed itself.
bool MesosContainerizer::EndShim(const ContainerId& id, const ShimProcess::Attached& attached) {
  if (attached.answer == ShimProcess::Attached::Answer::kWelcome) {
    attached.shim->Kill();
    if (attached.shim->AwaitGone(options_.destroy_timeout)) return true;
  }
  // A shim that hangs does not reap either, so the processes below it keep their pids until it is
  // gone.
  const std::vector<pid_t> left = KillProcessesBelow(attached.shim->pid(), kAbandonTimeout);
  SayStuck(id, left);
  if (!left.empty()) return false;
  if (attached.shim->AwaitGone(kAbandonTimeout)) return true;
  attached.shim->Abandon();
  return attached.shim->AwaitGone(kAbandonTimeout);
}

MesosContainerizer::Destroyed MesosContainerizer::DestroyOrphan(const Orphan& orphan) {
  const ContainerId& id = orphan.id;
  Destroyed destroyed;
  Result<ShimProcess::Attached> attached =
      ShimProcess::Attach(*runtime_, id, options_.shim_timeout);
  destroyed.existed = attached || !runtime_->ReadStatus(id);
  if (destroyed.existed) spdlog::info("Destroying container {}: nobody claims it", id);
  bool gone = attached ? EndShim(id, *attached) : attached.error().code == Code::kNotFound;
  // The cgroups of a container with claimed nested ones contain theirs, so they must stay.
  if (attached && !gone && !orphan.has_nested) {
    destroyed.survivor = attached->shim;
    destroyed.process = {attached->welcome.task_pid, attached->welcome.task_start_ticks,
                         attached->shim->pid(), attached->shim->start_ticks(), boot_id_};
    return destroyed;
  }
  if (!orphan.has_nested) {
    Status cleaned = isolation_->Cleanup(id);
    if (!cleaned) spdlog::error("{}", cleaned.error().message);
    gone = gone && cleaned;
  }
  // The directory of a container that could not be ended stays, so that it is found after the next
  // restart.
  Status removed = gone ? runtime_->Remove(id) : Status();
  if (!gone) spdlog::error("Something of container {} cannot be ended", id);
  if (!removed) spdlog::error("{}", removed.error().message);
  return destroyed;
}

void MesosContainerizer::OnOrphanDestroyed(const ContainerId& id, Destroyed destroyed) {
  if (destroyed.survivor) {
    auto container = std::make_unique<Container>();
    container->plan = std::make_shared<Plan>();
    container->plan->spec.id = id;
    container->orphan = true;
    containers_.emplace(id, std::move(container));
    recovery_->result.survivors.push_back(id);
    OnSurvivor(id, destroyed.process, std::move(destroyed.survivor));
  } else if (destroyed.existed) {
    recovery_->result.orphans.push_back(id);
  }
  OnRecoveryStep();
}

// Keeps killing a container that was to be killed and has not ended.
void MesosContainerizer::OnSurvivor(const ContainerId& id, const Launched& process,
                                    std::shared_ptr<ShimProcess> shim) {
  Container& container = *Find(id);
  container.process = process;
  container.shim = std::move(shim);
  container.destroying = true;
  AwaitDeath(id, container, container.kill_backoff.Next());
}

}  // namespace tepui::containers
