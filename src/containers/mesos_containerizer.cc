#include "containers/mesos_containerizer.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <utility>

#include "containers/container.h"
#include "containers/local_disk.h"

namespace tepui::containers {
namespace {

constexpr size_t kMaxIdLength = 242;
constexpr size_t kMaxEarlySignals = 16;

// The id names directories, cgroups and files.
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

Result<ExitRecord> ReadExitRecord(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return Fail(Code::kNotFound, "There is no '{}'", path);
  unsigned version = 0;
  ExitRecord record;
  line += '\n';
  if (std::sscanf(line.c_str(), shim::kStatusFileFormat, &version, &record.pid, &record.status) !=
          3 ||
      version != shim::kVersion) {
    return Fail(Code::kInternal, "'{}' is not a shim's status file of version {}", path,
                shim::kVersion);
  }
  return record;
}

Result<std::unique_ptr<MesosContainerizer>> MesosContainerizer::Create(Options options,
                                                                       Poster poster,
                                                                       Fetching fetching) {
  Result<std::unique_ptr<Isolation>> isolation = Isolation::Create(options.isolation);
  if (!isolation) return Fail(isolation.error());
  Result<std::unique_ptr<ShimStarter>> starter = ShimStarter::Create(options.worker_threads);
  if (!starter) return Fail(starter.error());
  Status made = MakeDirectory(options.runtime_dir + "/containers", std::nullopt);
  if (!made) return Fail(made.error());
  return std::unique_ptr<MesosContainerizer>(
      new MesosContainerizer(std::move(options), std::move(poster), std::move(fetching),
                             std::move(*isolation), std::move(*starter)));
}

MesosContainerizer::MesosContainerizer(Options options, Poster poster, Fetching fetching,
                                       std::unique_ptr<Isolation> isolation,
                                       std::unique_ptr<ShimStarter> starter)
    : options_(std::move(options)),
      poster_(std::move(poster)),
      fetching_(std::move(fetching)),
      starter_(std::move(starter)),
      isolation_(std::move(isolation)),
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

void MesosContainerizer::Recover(std::vector<RecoverSpec>, RecoverCallback callback) {
  Post([callback = std::move(callback)]() mutable {
    callback(Fail(Code::kUnimplemented, "Containers cannot be recovered yet"));
  });
}

void MesosContainerizer::Launch(LaunchSpec spec, LaunchCallback callback) {
  const ContainerId id = spec.id;
  if (!IsUsable(id) || containers_.contains(id)) {
    Post([id, known = containers_.contains(id), callback = std::move(callback)]() mutable {
      callback(Fail(Code::kInvalid, "Container id '{}' is {}", id,
                    known ? "in use" : "not made of letters, digits, '-', '_' and single dots"));
    });
    return;
  }
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

void MesosContainerizer::Forget(const ContainerId&) {}

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
    // OnShim or OnNotStarted comes to an end with it.
    container.destroying = true;
    if (container.plan->spec.command.uris_size() > 0) fetching_.cancel(id.value());
    return;
  }
  container.shim->Kill();
  if (std::exchange(container.destroying, true) && container.destroy_deadline != 0) return;
  container.destroy_deadline =
      poller_->After(options_.destroy_timeout, [id, shim = container.shim] {
        spdlog::error("Container {} does not end although its processes were killed", id);
        shim->Abandon();
      });
  workers_->Submit([isolation = isolation_, id] { isolation->Kill(id); });
}

void MesosContainerizer::Update(const ContainerId& id, const Resources& resources,
                                const std::vector<std::pair<std::string, double>>& limits) {
  Container* container = Find(id);
  if (container == nullptr || container->ended) return;
  container->demand = {resources, limits};
  container->update_waits = true;
  StartUpdate(id, *container);
}

// One at a time, the last one asked for wins; from when the cgroups are there.
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
    auto now = std::chrono::system_clock::now().time_since_epoch();
    statistics.set_timestamp(std::chrono::duration<double>(now).count());
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
      container->pid = event.pid;
      std::exchange(container->launched, nullptr)(Launched{event.pid});
      break;
    case shim::Event::kFailed:
      container->not_started =
          DescribeFailure(event, container->plan->launch, container->plan->spec.user);
      break;
    case shim::Event::kExited:
      container->status = event.status;
      break;
    default:
      break;
  }
}

void MesosContainerizer::OnShimGone(const ContainerId& id) {
  Container* container = Find(id);
  if (container == nullptr) return;
  container->ended = true;
  if (container->pid == 0 && !container->not_started) {
    container->not_started =
        Error{Code::kInternal, "The task's shim ended before it had started the task"};
  }
  for (const std::shared_ptr<Check>& check : container->checks) check->Kill();
  poller_->Cancel(container->destroy_deadline);
  if (!container->updating) CleanUp(id, *container);
}

void MesosContainerizer::CleanUp(const ContainerId& id, Container& container) {
  // A shim that was killed itself has left its task to nobody. The group's id cannot be another's
  // while one of the group lives, and hardly is so soon after.
  int orphans = container.status ? 0 : container.pid;
  workers_->Submit([this, id, orphans, plan = container.plan] {
    for (Poller::Token alarm : plan->alarms) poller_->Remove(alarm);
    if (orphans > 0) kill(-orphans, SIGKILL);
    std::optional<Limitation> limitation = isolation_->Limited(id, /*alarmed=*/false);
    Status cleaned = isolation_->Cleanup(id);
    if (!cleaned) spdlog::error("{}", cleaned.error().message);
    unlink(plan->launch.status_file.c_str());
    Post([this, id, limitation = std::move(limitation)]() mutable {
      OnCleanedUp(id, std::move(limitation));
    });
  });
}

void MesosContainerizer::OnAlarm(const ContainerId& id) {
  workers_->Submit([this, id] {
    std::optional<Limitation> limitation = isolation_->Limited(id, /*alarmed=*/true);
    if (!limitation) return;
    Post([this, id, limitation = std::move(*limitation)]() mutable {
      OnLimitation(id, std::move(limitation));
    });
  });
}

// What the OOM killer chose may be any process of the container; a task that has lost one is ended
// whole.
void MesosContainerizer::OnLimitation(const ContainerId& id, Limitation limitation) {
  Container* container = Find(id);
  if (container == nullptr) return;
  if (!container->limitation) container->limitation = std::move(limitation);
  Destroy(id);
}

void MesosContainerizer::OnCleanedUp(const ContainerId& id, std::optional<Limitation> limitation) {
  auto node = containers_.extract(id);
  if (node.empty()) return;
  Container& container = *node.mapped();
  if (container.launched) return container.launched(Fail(std::move(*container.not_started)));
  if (!container.waiter) return;
  Termination termination;
  termination.status = container.status;
  if (container.limitation) limitation = std::move(container.limitation);
  if (limitation) {
    termination.reason = limitation->reason;
    termination.message = std::move(limitation->message);
    termination.limited = std::move(limitation->limited);
  } else if (!container.status) {
    termination.message = "The task's shim ended before the task; how the task ended is unknown";
  }
  container.waiter(std::move(termination));
}

}  // namespace tepui::containers
