// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/mesos_containerizer.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "base/seconds.h"
#include "containers/host/detect.h"
#include "containers/isolators/posix_isolators.h"
#include "containers/mesos/container.h"
#include "shim/start_ticks.h"

namespace tepui::containers {
namespace {

constexpr size_t kMaxIdLength = 242;
constexpr size_t kMaxEarlySignals = 16;
constexpr auto kKillPatience = std::chrono::seconds(1);

bool IsUsable(const ContainerId& id) {
  if (id.empty() || id.value().size() > kMaxIdLength || id.value().front() == '.') return false;
  char before = 0;
  for (char c : id.value()) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_' || c == '.';
    if (!plain || (c == '.' && before == '.')) return false;
    before = c;
  }
  return id.value().back() != '.';
}

void SetLimits(const Demand& demand, v1::ResourceStatistics* statistics) {
  constexpr double kMegabyte = 1 << 20;
  double cpus = demand.requests.Scalar(ResourceNames::Cpus()).ToDouble();
  double megabytes = demand.requests.Scalar(ResourceNames::Mem()).ToDouble();
  if (cpus > 0) statistics->set_cpus_soft_limit(cpus);
  if (megabytes > 0) {
    statistics->set_mem_soft_limit_bytes(static_cast<uint64_t>(megabytes * kMegabyte));
  }
  double cpus_limit = demand.Limit("cpus").value_or(cpus);
  double megabytes_limit = demand.Limit("mem").value_or(megabytes);
  if (cpus_limit > 0 && std::isfinite(cpus_limit)) statistics->set_cpus_limit(cpus_limit);
  if (megabytes_limit > 0 && std::isfinite(megabytes_limit)) {
    statistics->set_mem_limit_bytes(static_cast<uint64_t>(megabytes_limit * kMegabyte));
  }
}

// Kills the process group of a task whose shim is gone. Does nothing if the pid belongs to another
// process by now. If no process has the pid, the group can only be the task's, because the kernel
// never assigns a pid that is still a group's id.
void KillGroup(const Launched& process, const std::string& boot_id) {
  if (process.pid <= 0 || process.boot_id != boot_id) return;
  const uint64_t start_ticks = shim::StartTicks(process.pid);
  if (start_ticks == 0 || start_ticks == process.start_ticks) kill(-process.pid, SIGKILL);
}

}  // namespace

void SayStuck(const ContainerId& id, const std::vector<pid_t>& pids) {
  if (pids.empty()) return;
  spdlog::error(
      "Container {} does not end: SIGKILL does not end its processes {}. They wait in the kernel, "
      "most likely for a disk or a network file system; /proc/{}/stack says where. Give them what "
      "they wait for, or start the machine anew. Until they are gone the container counts as "
      "running",
      id, fmt::join(pids, ", "), pids.front());
}

Status CheckId(const ContainerId& id) {
  if (IsUsable(id)) return {};
  return Fail(Code::kInvalid,
              "Container id '{}' is not made of letters, digits, '-', '_' and single dots", id);
}

Result<std::unique_ptr<MesosContainerizer>> MesosContainerizer::Create(Options options,
                                                                       Poster poster,
                                                                       Fetching fetching) {
  Result<std::unique_ptr<Isolation>> isolation = Isolation::Create(options.isolation);
  if (!isolation) return Fail(isolation.error());
  Result<std::unique_ptr<ShimStarter>> starter = ShimStarter::Create(options.worker_threads);
  if (!starter) return Fail(starter.error());
  Result<std::unique_ptr<RuntimeDirectory>> runtime = RuntimeDirectory::Open(options.runtime_dir);
  if (!runtime) return Fail(runtime.error());
  Parts parts = {std::move(*isolation), std::move(*starter), std::move(*runtime), BootId()};
  return std::unique_ptr<MesosContainerizer>(new MesosContainerizer(
      std::move(options), std::move(poster), std::move(fetching), std::move(parts)));
}

MesosContainerizer::MesosContainerizer(Options options, Poster poster, Fetching fetching,
                                       Parts parts)
    : options_(std::move(options)),
      poster_(std::move(poster)),
      fetching_(std::move(fetching)),
      starter_(std::move(parts.starter)),
      isolation_(std::move(parts.isolation)),
      runtime_(std::move(parts.runtime)),
      boot_id_(std::move(parts.boot_id)),
      poller_(std::make_shared<Poller>("shims")),
      workers_(std::make_shared<WorkerPool>("containers", options_.worker_threads)) {}

MesosContainerizer::~MesosContainerizer() {
  alive_.reset();
  workers_->Stop();
  poller_->Stop();
}

void MesosContainerizer::Post(std::move_only_function<void()> work) {
  poster_([alive = std::weak_ptr(alive_), work = std::move(work)]() mutable {
    if (alive.lock() != nullptr) work();
  });
}

MesosContainerizer::Container* MesosContainerizer::Find(const ContainerId& id) {
  auto found = containers_.find(id);
  return found == containers_.end() ? nullptr : found->second.get();
}

void MesosContainerizer::Launch(LaunchSpec spec, LaunchCallback callback) {
  const ContainerId id = spec.id;
  Status checked = CheckId(id);
  if (checked && containers_.contains(id)) {
    checked = Fail(Code::kInvalid, "Container id '{}' is in use", id);
  }
  if (recovery_ != nullptr) {
    checked = Fail(Code::kUnavailable, "The containers of the agent's last life are not back yet");
  }
  if (!checked) {
    Post([error = checked.error(), callback = std::move(callback)]() mutable {
      callback(Fail(std::move(error)));
    });
    return;
  }
  fresh_ = false;
  auto plan = std::make_shared<Plan>();
  plan->demand = {spec.resources, spec.limits};
  plan->spec = std::move(spec);
  auto container = std::make_unique<Container>();
  container->plan = plan;
  container->demand = plan->demand;
  container->launched = std::move(callback);
  containers_.emplace(id, std::move(container));
  workers_->Submit([this, plan] { PlanAndFetch(plan); });
}

void MesosContainerizer::Wait(const ContainerId& id, TerminationCallback callback) {
  if (Container* container = Find(id)) {
    container->waiter = std::move(callback);
    return;
  }
  Post([id, callback = std::move(callback)]() mutable {
    Termination termination;
    termination.message = fmt::format("There is no container '{}'", id);
    callback(std::move(termination));
  });
}

void MesosContainerizer::Forget(const ContainerId& id) {
  if (containers_.contains(id) || !IsUsable(id)) return;
  workers_->Submit([runtime = runtime_, id] {
    Status removed = runtime->Remove(id);
    if (!removed) spdlog::warn("{}", removed.error().message);
  });
}

bool MesosContainerizer::Signal(const ContainerId& id, int signal) {
  Container* container = Find(id);
  if (container == nullptr || container->ended) return false;
  if (container->shim != nullptr) {
    container->shim->Signal(signal);
  } else if (container->early_signals.size() < kMaxEarlySignals) {
    container->early_signals.push_back(signal);
  }
  return true;
}

void MesosContainerizer::Destroy(const ContainerId& id) {
  if (Container* container = Find(id)) KillContainer(id, *container);
  const std::string prefix = id.value() + ".";
  for (auto nested = containers_.lower_bound(ContainerId(prefix));
       nested != containers_.end() && nested->first.value().starts_with(prefix); ++nested) {
    KillContainer(nested->first, *nested->second);
  }
}

void MesosContainerizer::KillContainer(const ContainerId& id, Container& container) {
  if (container.ended) return;
  for (const std::shared_ptr<Check>& check : container.checks) check->Kill();
  container.plan->cancelled = true;
  if (container.shim == nullptr) {
    // OnShim or OnNotStarted completes the destruction.
    container.destroying = true;
    if (container.plan->spec.command.uris_size() > 0) fetching_.cancel(id.value());
    return;
  }
  container.shim->Kill();
  if (std::exchange(container.destroying, true) && container.destroy_deadline != 0) return;
  AwaitDeath(id, container, options_.destroy_timeout);
  workers_->Submit([isolation = isolation_, id] { isolation->Kill(id); });
}

void MesosContainerizer::AwaitDeath(const ContainerId& id, Container& container,
                                    Duration patience) {
  container.destroy_deadline =
      poller_->After(patience, [this, id] { Post([this, id] { KillAgain(id); }); });
}

// The container has not ended in time. While one of its processes lives, its resources are in use,
// so it must not be reported as ended. The shim's end means the container's end, so the shim is
// killed only when no process is left below it.
void MesosContainerizer::KillAgain(const ContainerId& id) {
  Container* container = Find(id);
  if (container == nullptr || container->ended) return;
  workers_->Submit([this, id, shim = container->shim, was_alone = container->alone] {
    const bool alone = LiveProcessesBelow(shim->pid()).empty();
    if (!alone) {
      SayStuck(id, KillProcessesBelow(shim->pid(), kKillPatience));
    } else if (was_alone) {
      spdlog::warn("The shim of container {} hangs and is killed", id);
      shim->Abandon();
    }
    Post([this, id, alone] {
      Container* container = Find(id);
      if (container == nullptr || container->ended) return;
      container->alone = alone;
      AwaitDeath(id, *container, container->kill_backoff.Next());
    });
  });
}

void MesosContainerizer::Update(const ContainerId& id, const Resources& resources,
                                const std::vector<std::pair<std::string, double>>& limits) {
  Container* container = Find(id);
  if (container == nullptr || container->ended) return;
  container->demand = {resources, limits};
  container->update_waits = true;
  StartUpdate(id, *container);
}

// Starts an update: only one runs at a time, the latest request wins, and none starts before the
// cgroups exist.
void MesosContainerizer::StartUpdate(const ContainerId& id, Container& container) {
  if (container.updating || !container.update_waits || container.shim == nullptr) return;
  container.updating = true;
  container.update_waits = false;
  workers_->Submit([this, id, demand = container.demand] {
    Status updated = isolation_->Update(id, demand);
    if (!updated) {
      spdlog::warn("Cannot update the resources of container {}: {}", id, updated.error().message);
    }
    Post([this, id] {
      Container* container = Find(id);
      if (container == nullptr) return;
      container->updating = false;
      if (container->ended) return CleanUp(id, *container);
      StartUpdate(id, *container);
    });
  });
}

void MesosContainerizer::Usage(
    const ContainerId& id, std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) {
  Container* container = Find(id);
  if (container == nullptr || container->shim == nullptr || container->ended) {
    Post([id, callback = std::move(callback)]() mutable {
      callback(Fail(Code::kNotFound, "Container '{}' is not running", id));
    });
    return;
  }
  workers_->Submit([this, id, shim = container->shim, demand = container->demand,
                    callback = std::move(callback)]() mutable {
    v1::ResourceStatistics statistics;
    statistics.set_timestamp(Seconds(std::chrono::system_clock::now()));
    isolation_->Usage(id, shim->pid(), &statistics);
    SetLimits(demand, &statistics);
    Post([callback = std::move(callback), statistics = std::move(statistics)]() mutable {
      callback(std::move(statistics));
    });
  });
}

void MesosContainerizer::OnNotStarted(const ContainerId& id, Error error) {
  auto container = containers_.extract(id);
  if (!container.empty()) container.mapped()->launched(Fail(std::move(error)));
}

void MesosContainerizer::OnShim(const ContainerId& id, std::shared_ptr<ShimProcess> shim) {
  Container* container = Find(id);
  if (container == nullptr) return;
  container->shim = std::move(shim);
  for (int signal : container->early_signals) container->shim->Signal(signal);
  container->early_signals.clear();
  if (container->destroying) KillContainer(id, *container);
  StartUpdate(id, *container);
}

void MesosContainerizer::OnShimEvent(const ContainerId& id, const shim::Event& event) {
  Container* container = Find(id);
  if (container == nullptr) return;
  switch (event.type) {
    case shim::Event::kStarted:
      container->process = {event.pid, event.start_ticks, container->shim->pid(),
                            container->shim->start_ticks(), boot_id_};
      std::exchange(container->launched, nullptr)(container->process);
      break;
    case shim::Event::kFailed:
      container->not_started =
          DescribeFailure(event, container->plan->launch, container->plan->spec.user);
      break;
    case shim::Event::kExited:
      container->status = event.status;
      break;
    case shim::Event::kReplaced:
      OnReplaced(id);
      break;
    default:
      break;
  }
}

// Another agent is in control now and assumes this one is dead. The container no longer belongs to
// this agent, which must not touch it.
void MesosContainerizer::OnReplaced(const ContainerId& id) {
  spdlog::error("Another agent has taken container {}; this one should have ended", id);
  auto container = containers_.extract(id);
  poller_->Cancel(container.mapped()->destroy_deadline);
  Disarm(*container.mapped()->plan);
}

void MesosContainerizer::OnShimGone(const ContainerId& id) {
  Container* container = Find(id);
  if (container == nullptr) return;
  container->ended = true;
  if (container->process.pid == 0 && !container->not_started) {
    container->not_started =
        Error{Code::kInternal, "The task's shim ended before it had started the task"};
  }
  for (const std::shared_ptr<Check>& check : container->checks) check->Kill();
  poller_->Cancel(container->destroy_deadline);
  if (!container->updating) CleanUp(id, *container);
}

void MesosContainerizer::CleanUp(const ContainerId& id, Container& container) {
  workers_->Submit(
      [this, id, plan = container.plan, process = container.process, status = container.status] {
        Disarm(*plan);
        End end = CleanUpNow(id, process, status);
        if (process.pid == 0) (void)runtime_->Remove(id);  // The task never started.
        Post([this, id, end = std::move(end)]() mutable { OnCleanedUp(id, std::move(end)); });
      });
}

// Cleans up what the shim, which is gone, has left.
MesosContainerizer::End MesosContainerizer::CleanUpNow(const ContainerId& id,
                                                       const Launched& process,
                                                       std::optional<int> status) {
  End end;
  end.status = status;
  if (!end.status) {
    Result<ExitRecord> record = runtime_->ReadStatus(id);
    if (record && record->pid == process.pid && record->start_ticks == process.start_ticks) {
      end.status = record->status;
    } else {
      KillGroup(process, boot_id_);
    }
  }
  end.limitation = isolation_->Limited(id, /*alarmed=*/false);
  Status cleaned = isolation_->Cleanup(id);
  if (!cleaned) spdlog::error("{}", cleaned.error().message);
  return end;
}

void MesosContainerizer::FindLimitation(const ContainerId& id, bool alarmed) {
  workers_->Submit([this, id, alarmed] {
    std::optional<Limitation> limitation = isolation_->Limited(id, alarmed);
    if (!limitation) return;
    Post([this, id, limitation = std::move(*limitation)]() mutable {
      OnLimitation(id, std::move(limitation));
    });
  });
}

// The OOM killer may have killed any process of the container; the whole container is killed then.
void MesosContainerizer::OnLimitation(const ContainerId& id, Limitation limitation) {
  Container* container = Find(id);
  if (container == nullptr) return;
  if (!container->limitation) container->limitation = std::move(limitation);
  Destroy(id);
}

void MesosContainerizer::OnCleanedUp(const ContainerId& id, End end) {
  auto node = containers_.extract(id);
  if (node.empty()) return;
  Container& container = *node.mapped();
  if (container.orphan) Forget(id);
  if (container.launched) return container.launched(Fail(std::move(*container.not_started)));
  if (!container.waiter) return;
  if (container.limitation) end.limitation = std::move(container.limitation);
  container.waiter(std::move(end).ToTermination("The task's shim ended before the task"));
}

Termination MesosContainerizer::End::ToTermination(std::string_view why_unknown) && {
  Termination termination;
  termination.status = status;
  if (limitation) {
    termination.reason = limitation->reason;
    termination.message = std::move(limitation->message);
    termination.limited = std::move(limitation->limited);
  } else if (!status) {
    termination.message = fmt::format("{}; how the task ended is unknown", why_unknown);
  }
  return termination;
}

}  // namespace tepui::containers
