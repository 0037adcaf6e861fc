// SPDX-License-Identifier: Apache-2.0
// How MesosContainerizer recovers the containers from before the agent's restart.
//
// Agent's thread: Recover makes the records. Worker: searches for orphans. Agent's thread: sends
// each claim and each orphan to a worker. Worker: attaches to the shim, or cleans up the container.
// Agent's thread: reports the result when the last one is done.

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "containers/mesos/container.h"
#include "containers/mesos/mesos_containerizer.h"

namespace tepui::containers {

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
    mailbox_.Post([error = checked.error(), callback = std::move(callback)]() mutable {
      callback(Fail(std::move(error)));
    });
    return;
  }
  recovery_ = std::make_unique<Recovery>();
  recovery_->callback = std::move(callback);
  workers_->Submit([this, specs = std::move(specs), claimed = std::move(claimed)]() mutable {
    Result<std::vector<Recoverer::Orphan>> orphans = recoverer_.FindOrphans(claimed);
    mailbox_.Post([this, specs = std::move(specs), orphans = std::move(orphans)]() mutable {
      OnOrphansFound(std::move(specs), std::move(orphans));
    });
  });
}

void MesosContainerizer::OnOrphansFound(std::vector<RecoverSpec> specs,
                                        Result<std::vector<Recoverer::Orphan>> orphans) {
  if (!orphans) {
    return std::exchange(recovery_, nullptr)->callback(Fail(orphans.error()));
  }
  recovery_->steps_left = specs.size() + orphans->size() + 1;
  // A parent's id is less than those of the containers nested in it, which look it up.
  std::ranges::sort(specs, {}, [](const RecoverSpec& spec) { return spec.launch.id; });
  for (RecoverSpec& spec : specs) {
    Container& container = Add(std::move(spec.launch));
    container.plan->spec.command.clear_uris();
    container.process = spec.launched;
    workers_->Submit([this, plan = container.plan, process = container.process] {
      mailbox_.Post(
          [this, id = plan->id(), process, outcome = recoverer_.Recover(*plan, process)]() mutable {
            OnRecovered(id, process, std::move(outcome));
          });
    });
  }
  for (Recoverer::Orphan& orphan : *orphans) {
    workers_->Submit([this, orphan = std::move(orphan)] {
      mailbox_.Post([this, id = orphan.id, destroyed = recoverer_.Destroy(orphan)]() mutable {
        OnOrphanDestroyed(id, std::move(destroyed));
      });
    });
  }
  OnRecoveryStep();
}

void MesosContainerizer::OnRecovered(const ContainerId& id, const Launched& process,
                                     Recoverer::Outcome outcome) {
  Recovered& result = recovery_->result;
  if (const auto* running = std::get_if<Recoverer::Running>(&outcome)) {
    result.running.push_back(id);
    result.processes[id] = Find(id)->process = running->process;
    OnShim(id, running->shim);
  } else if (const auto* surviving = std::get_if<Recoverer::Surviving>(&outcome)) {
    // The agent will be notified when it ends.
    result.running.push_back(id);
    result.processes[id] = process;
    OnSurvivor(id, process, surviving->shim);
  } else {
    containers_.erase(id);
    if (std::holds_alternative<Recoverer::NotStarted>(outcome)) {
      result.not_started.push_back(id);
    } else if (auto* ended = std::get_if<Termination>(&outcome)) {
      result.ended.push_back({id, std::move(*ended)});
    } else {
      result.refused.push_back({id, std::get<Error>(std::move(outcome))});
    }
  }
  OnRecoveryStep();
}

void MesosContainerizer::OnRecoveryStep() {
  if (--recovery_->steps_left > 0) return;
  const std::unique_ptr<Recovery> recovery = std::exchange(recovery_, nullptr);
  Recovered& result = recovery->result;
  auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::ranges::sort(result.running);
  std::ranges::sort(result.not_started);
  std::ranges::sort(result.ended, by_id);
  std::ranges::sort(result.refused, by_id);
  std::ranges::sort(result.orphans);
  std::ranges::sort(result.survivors);
  // Events are posted, so they arrive after the callback.
  for (const ContainerId& id : result.survivors) Observe(id, Find(id)->shim);
  for (const ContainerId& id : result.running) {
    Observe(id, Find(id)->shim);
    FindLimitation(id, /*alarmed=*/false);  // It may have reached a limit while no agent ran.
  }
  recovery->callback(std::move(result));
}

void MesosContainerizer::OnOrphanDestroyed(const ContainerId& id, Recoverer::Destroyed destroyed) {
  if (destroyed.survivor) {
    LaunchSpec spec;
    spec.id = id;
    Add(std::move(spec)).orphan = true;
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
