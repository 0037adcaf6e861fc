// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/mesos_containerizer.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "base/log.h"
#include "base/seconds.h"
#include "containers/host/detect.h"
#include "containers/isolators/posix_isolators.h"
#include "containers/mesos/container.h"

namespace tepui::containers {
namespace {

constexpr size_t kMaxIdLength = 242;
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

}  // namespace

Status CheckId(const ContainerId& id) {
  if (IsUsable(id)) return {};
  return Fail(Code::kInvalid,
              "Container id '{}' is not made of letters, digits, '-', '_' and single dots", id);
}

Result<std::unique_ptr<MesosContainerizer>> MesosContainerizer::Create(Options options,
                                                                       Poster poster,
                                                                       Fetcher& fetcher) {
  Result<std::unique_ptr<Isolation>> isolation = Isolation::Create(options.isolation);
  if (!isolation) return Fail(isolation.error());
  Result<std::unique_ptr<ShimStarter>> starter = ShimStarter::Create(options.worker_threads);
  if (!starter) return Fail(starter.error());
  Result<std::unique_ptr<RuntimeDirectory>> runtime = RuntimeDirectory::Open(options.runtime_dir);
  if (!runtime) return Fail(runtime.error());
  Launcher::Parts parts = {std::move(*isolation), std::move(*starter), std::move(*runtime),
                           options.users, BootId()};
  return std::unique_ptr<MesosContainerizer>(
      new MesosContainerizer(std::move(options), std::move(poster), fetcher, std::move(parts)));
}

MesosContainerizer::MesosContainerizer(Options options, Poster poster, Fetcher& fetcher,
                                       Launcher::Parts parts)
    : options_(std::move(options)),
      fetcher_(fetcher),
      isolation_(parts.isolation),
      runtime_(parts.runtime),
      boot_id_(parts.boot_id),
      mailbox_(std::move(poster)),
      workers_(std::make_shared<WorkerPool>("containers", options_.worker_threads)),
      launcher_(parts, poller_,
                [this](const ContainerId& id) { FindLimitation(id, /*alarmed=*/true); }),
      recoverer_(launcher_, parts, options_.shim_timeout, options_.destroy_timeout),
      checks_(launcher_, poller_, *workers_, mailbox_) {}

MesosContainerizer::~MesosContainerizer() {
  workers_->Stop();
  poller_.Stop();
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
    mailbox_.Post([error = checked.error(), callback = std::move(callback)]() mutable {
      callback(Fail(std::move(error)));
    });
    return;
  }
  fresh_ = false;
  Container& container = Add(std::move(spec));
  container.launched = std::move(callback);
  workers_->Submit([this, plan = container.plan] { PlanAndFetch(plan); });
}

MesosContainerizer::Container& MesosContainerizer::Add(LaunchSpec spec) {
  auto plan = std::make_shared<LaunchPlan>(std::move(spec));
  plan->demand = {plan->spec.resources, plan->spec.limits};
  plan->parent = ParentOf(plan->id());
  auto container = std::make_unique<Container>();
  container->plan = plan;
  container->demand = plan->demand;
  return *containers_.emplace(plan->id(), std::move(container)).first->second;
}

std::optional<ParentContainer> MesosContainerizer::ParentOf(const ContainerId& id) {
  const size_t dot = id.value().rfind('.');
  if (dot == std::string::npos) return std::nullopt;
  ParentContainer parent = {ContainerId(id.value().substr(0, dot))};
  if (const Container* container = Find(parent.id)) {
    parent.pid = container->process.pid;
    parent.sandbox = container->plan->spec.sandbox;
  }
  return parent;
}

void MesosContainerizer::PlanAndFetch(const std::shared_ptr<LaunchPlan>& plan) {
  const Status planned = launcher_.Plan(*plan);
  if (!planned) {
    mailbox_.Post([this, id = plan->id(), error = planned.error()] { OnNotStarted(id, error); });
    return;
  }
  if (plan->spec.command.uris_size() == 0) return Start(plan);
  fetcher_.Fetch(plan->id().value(), plan->spec.command, plan->spec.sandbox, plan->launch.user,
                 [this, plan, workers = workers_](Status fetched) {
                   // Always submit: after the pool has stopped, `this` no longer exists.
                   workers->Submit([this, plan, fetched = std::move(fetched)] {
                     if (fetched) return Start(plan);
                     mailbox_.Post([this, id = plan->id(), error = fetched.error()] {
                       OnNotStarted(id, error);
                     });
                   });
                 });
  // Destroy may have come before there was a fetch to cancel.
  if (plan->cancelled) fetcher_.Cancel(plan->id().value());
}

void MesosContainerizer::Start(const std::shared_ptr<LaunchPlan>& plan) {
  const Result<std::shared_ptr<ShimProcess>> shim = launcher_.Start(*plan);
  if (!shim) {
    mailbox_.Post([this, id = plan->id(), error = shim.error()] { OnNotStarted(id, error); });
    return;
  }
  // In this order, which the poster keeps: the container has its shim before the shim's first
  // event.
  mailbox_.Post([this, id = plan->id(), shim = *shim] { OnShim(id, shim); });
  Observe(plan->id(), *shim);
}

void MesosContainerizer::Observe(const ContainerId& id, const std::shared_ptr<ShimProcess>& shim) {
  shim->Observe(poller_, {[this, id](const shim::Event& event) {
                            mailbox_.Post([this, id, event] { OnShimEvent(id, event); });
                          },
                          [this, id] { mailbox_.Post([this, id] { OnShimGone(id); }); }});
}

void MesosContainerizer::Go(const ContainerId& id) {
  Container* container = Find(id);
  if (container == nullptr || container->destroying) return;
  container->go = true;
  if (container->shim != nullptr) container->shim->Go();
}

void MesosContainerizer::Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
                              ExecCallback callback) {
  const Container* container = Find(id);
  if (container != nullptr && container->shim != nullptr && container->process.pid != 0 &&
      !container->ended) {
    return checks_.Run(container->plan, std::move(command), timeout, std::move(callback));
  }
  mailbox_.Post([id, callback = std::move(callback)]() mutable {
    callback(Fail(Code::kNotFound, "Container '{}' is not running", id));
  });
}

void MesosContainerizer::Wait(const ContainerId& id, TerminationCallback callback) {
  if (Container* container = Find(id)) {
    container->waiter = std::move(callback);
    return;
  }
  mailbox_.Post([id, callback = std::move(callback)]() mutable {
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
  if (container == nullptr || container->process.pid == 0 || container->ended) return false;
  container->shim->Signal(signal);
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
  checks_.Kill(id);
  container.plan->cancelled = true;
  if (container.shim == nullptr) {
    // OnShim or OnNotStarted completes the destruction.
    container.destroying = true;
    if (container.plan->spec.command.uris_size() > 0) fetcher_.Cancel(id.value());
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
      poller_.After(patience, [this, id] { mailbox_.Post([this, id] { KillAgain(id); }); });
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
      LogStuck(id, KillProcessesBelow(shim->pid(), kKillPatience));
    } else if (was_alone) {
      spdlog::warn("The shim of container {} hangs and is killed", id);
      shim->Abandon();
    }
    mailbox_.Post([this, id, alone] {
      Container* container = Find(id);
      if (container == nullptr || container->ended) return;
      container->alone = alone;
      AwaitDeath(id, *container, container->kill_backoff.Next());
    });
  });
}

void MesosContainerizer::Update(const ContainerId& id, const Resources& resources,
                                const Limits& limits) {
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
    mailbox_.Post([this, id] {
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
    mailbox_.Post([id, callback = std::move(callback)]() mutable {
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
    mailbox_.Post([callback = std::move(callback), statistics = std::move(statistics)]() mutable {
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
  if (container->go) container->shim->Go();
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
  poller_.Cancel(container.mapped()->destroy_deadline);
  launcher_.Disarm(*container.mapped()->plan);
}

void MesosContainerizer::OnShimGone(const ContainerId& id) {
  Container* container = Find(id);
  if (container == nullptr) return;
  container->ended = true;
  if (container->process.pid == 0 && !container->not_started) {
    container->not_started =
        Error{Code::kInternal, "The task's shim ended before it had started the task"};
  }
  checks_.Kill(id);
  poller_.Cancel(container->destroy_deadline);
  if (!container->updating) CleanUp(id, *container);
}

void MesosContainerizer::CleanUp(const ContainerId& id, Container& container) {
  workers_->Submit([this, id, plan = container.plan, process = container.process,
                    status = container.status] {
    launcher_.Disarm(*plan);
    ContainerEnd end = launcher_.CleanUp(id, process, status);
    if (process.pid == 0) (void)runtime_->Remove(id);  // The task never started.
    mailbox_.Post([this, id, end = std::move(end)]() mutable { OnCleanedUp(id, std::move(end)); });
  });
}

void MesosContainerizer::FindLimitation(const ContainerId& id, bool alarmed) {
  workers_->Submit([this, id, alarmed] {
    std::optional<Limitation> limitation = isolation_->Limited(id, alarmed);
    if (!limitation) return;
    mailbox_.Post([this, id, limitation = std::move(*limitation)]() mutable {
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

void MesosContainerizer::OnCleanedUp(const ContainerId& id, ContainerEnd end) {
  auto node = containers_.extract(id);
  if (node.empty()) return;
  Container& container = *node.mapped();
  if (container.orphan) Forget(id);
  if (container.launched) return container.launched(Fail(std::move(*container.not_started)));
  if (!container.waiter) return;
  if (container.limitation) end.limitation = std::move(container.limitation);
  container.waiter(std::move(end).ToTermination("The task's shim ended before the task"));
}

}  // namespace tepui::containers
