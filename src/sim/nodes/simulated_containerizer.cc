// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/simulated_containerizer.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <set>

#include "base/seconds.h"

namespace tepui::sim {

namespace {

using containers::ExecResult;
using containers::Termination;
using End = ContainerScript::End;

// Time that starting, signals and cleaning up take.
constexpr uint64_t kLeastDelayUs = 100;
constexpr uint64_t kMostDelayUs = 5000;
// Duration of the steps before a program runs.
constexpr uint64_t kMostLaunchMs = 30;
// Duration of checks; one in kChecksPerFailure fails.
constexpr uint64_t kMostCheckMs = 500;
constexpr uint64_t kChecksPerFailure = 10;

std::string NameOf(const ContainerScript& script) {
  return script.task.empty() ? "executor " + script.executor : script.task;
}

// The status as waitpid returns it.
int WaitStatus(End end, int code) {
  if (end == End::kOom) return SIGKILL;
  return end == End::kExit ? code << 8 : code;
}

// The outcome of one check.
struct Probe {
  Duration takes;
  bool succeeds;
};

Probe MakeProbe(Random& random, const MachineFaults& faults) {
  if (!faults.checks_fail) return {std::chrono::milliseconds(1), true};
  const Duration takes = std::chrono::milliseconds(1 + random.Below(kMostCheckMs));
  return {takes, random.Below(kChecksPerFailure) != 0};
}

}  // namespace

SimulatedContainerizer::SimulatedContainerizer(Parts parts, Host host, std::string boot_id,
                                               SeededRandom random, const MachineFaults& faults)
    : parts_(parts),
      host_(std::move(host)),
      boot_id_(std::move(boot_id)),
      faults_(faults),
      random_(std::move(random)),
      machine_(parts.world, host_ + "/containers") {}

SimulatedContainerizer::~SimulatedContainerizer() {
  machine_.Kill();
  for (auto& [id, container] : containers_) {
    if (container.state != State::kRunning) continue;
    container.executor.reset();
    parts_.observer.OnContainerEnded(host_, id.value(), NameOf(container.script));
  }
}

SimulatedContainerizer::Container* SimulatedContainerizer::Find(const ContainerId& id) {
  const auto found = containers_.find(id);
  return found == containers_.end() ? nullptr : &found->second;
}

Duration SimulatedContainerizer::Delay() {
  return std::chrono::microseconds(kLeastDelayUs + random_.Below(kMostDelayUs - kLeastDelayUs));
}

void SimulatedContainerizer::Tell(std::move_only_function<void()> work) {
  const MonotonicTime now = machine_.Now();
  last_told_ = std::max(last_told_, now + Delay());
  if (agent_ != nullptr) agent_->After(last_told_ - now, std::move(work));
}

void SimulatedContainerizer::Launch(containers::LaunchSpec spec, LaunchCallback callback) {
  auto script = ContainerScript::Parse(spec.command.value());
  if (script && containers_.contains(spec.id)) {
    script = Fail(Code::kConflict, "There is a container '{}' already", spec.id);
  }
  if (!script) {
    return Tell([error = std::move(script.error()), callback = std::move(callback)]() mutable {
      callback(Fail(std::move(error)));
    });
  }
  Container& container = containers_[spec.id];
  container.script = std::move(*script);
  container.resources = std::move(spec.resources);
  container.environment = std::move(spec.environment);
  container.outlives_agent = spec.outlives_agent;
  container.launched = std::move(callback);
  if (container.script.start_hangs) return;
  const Duration delay = std::chrono::milliseconds(1 + random_.Below(kMostLaunchMs));
  container.timer =
      machine_.After(container.script.start + delay, [this, id = spec.id] { Prepare(id); });
}

void SimulatedContainerizer::Go(const ContainerId& id) {
  Container* container = Find(id);
  if (container == nullptr || container->destroyed || std::exchange(container->go, true)) return;
  if (!container->prepared) return;
  container->timer = machine_.After(Delay(), [this, id] { Start(id); });
}

void SimulatedContainerizer::Detach() {
  agent_ = nullptr;
  // Nothing holds what is not to start before the agent's word.
  std::erase_if(containers_, [this](const auto& entry) {
    const Container& container = entry.second;
    const bool held = container.state == State::kStarting && container.outlives_agent;
    if (held && !container.go) machine_.Cancel(container.timer);
    return held && !container.go;
  });
  for (auto& [id, container] : containers_) {
    container.launched = nullptr;
    container.waiter = nullptr;
    if (!container.outlives_agent) KillContainer(id, container);
  }
}

void SimulatedContainerizer::Recover(std::vector<containers::RecoverSpec> specs,
                                     RecoverCallback callback) {
  containers::Recovered recovered;
  std::set<ContainerId> claimed;
  for (const containers::RecoverSpec& spec : specs) {
    const ContainerId& id = spec.launch.id;
    claimed.insert(id);
    const Container* container = Find(id);
    const bool recorded = spec.launched.pid != 0;
    if (container != nullptr && container->state == State::kStarting) {
      Kill(id);
      recovered.not_started.push_back(id);
    } else if (container != nullptr && container->state == State::kRunning &&
               (!recorded || container->process.pid == spec.launched.pid)) {
      recovered.running.push_back(id);
      recovered.processes[id] = container->process;
    } else if (container == nullptr && !recorded && spec.launched.boot_id == boot_id_) {
      recovered.not_started.push_back(id);
    } else {
      recovered.ended.push_back(
          {id, container == nullptr ? Termination() : container->termination});
    }
  }
  std::vector<ContainerId> orphans;
  for (const auto& [id, container] : containers_) {
    if (!claimed.contains(id)) orphans.push_back(id);
  }
  for (const ContainerId& id : orphans) {
    Kill(id);
    containers_.erase(id);
    recovered.orphans.push_back(id);
  }
  Tell([recovered = std::move(recovered), callback = std::move(callback)]() mutable {
    callback(std::move(recovered));
  });
}

void SimulatedContainerizer::Forget(const ContainerId& id) {
  const Container* container = Find(id);
  if (container != nullptr && container->state == State::kEnded) containers_.erase(id);
}

void SimulatedContainerizer::FailLaunch(const ContainerId& id, Error error) {
  LaunchCallback launched = std::move(containers_.extract(id).mapped().launched);
  if (!launched) return;  // The agent that launched it is gone.
  Tell([error = std::move(error), launched = std::move(launched)]() mutable {
    launched(Fail(std::move(error)));
  });
}

void SimulatedContainerizer::Prepare(const ContainerId& id) {
  Container& container = *Find(id);
  container.timer = 0;
  if (container.script.start_fails || faults_.launches_fail) {
    return FailLaunch(
        id, {Code::kInternal, fmt::format("Container {} cannot be started on {}", id, host_)});
  }
  container.prepared = true;
  if (container.go || !container.outlives_agent) Start(id);
}

void SimulatedContainerizer::Start(const ContainerId& id) {
  Container& container = *Find(id);
  container.timer = 0;
  container.state = State::kRunning;
  parts_.world.Write("{}: {} runs in container {}", host_, NameOf(container.script), id);
  parts_.observer.OnContainerStarted(host_, id.value(), NameOf(container.script),
                                     container.resources);
  container.process.pid = ++last_pid_;
  if (container.launched) {
    Tell([callback = std::exchange(container.launched, nullptr),
          process = container.process]() mutable { callback(process); });
  }
  if (!container.script.executor.empty()) return StartExecutor(id, container);
  if (container.script.run == Duration::max()) return;
  container.timer = machine_.After(container.script.run, [this, id, script = container.script] {
    End(id, script.end, script.code);
  });
}

void SimulatedContainerizer::StartExecutor(const ContainerId& id, Container& container) {
  container.executor = std::make_unique<ExecutorProcess>(
      ExecutorProcess::Parts{parts_.world, parts_.network, parts_.observer}, host_,
      container.script, container.environment, SeededRandom(random_.Next()),
      [this, id](ExecutorProcess::Exit exit) {
        machine_.Post([this, id, exit] { End(id, exit.end, exit.code); });
      });
}

void SimulatedContainerizer::Wait(const ContainerId& id, TerminationCallback callback) {
  if (Container* container = Find(id)) {
    container->waiter = std::move(callback);
    if (container->state == State::kEnded) TellEnd(id);
    return;
  }
  Tell([id, callback = std::move(callback)]() mutable {
    callback({.status = std::nullopt,
              .reason = std::nullopt,
              .message = fmt::format("There is no container '{}'", id),
              .limited = {}});
  });
}

bool SimulatedContainerizer::Signal(const ContainerId& id, int signal) {
  Container* container = Find(id);
  if (container == nullptr || container->state == State::kEnded) return false;
  // No program runs yet that could receive it.
  if (container->state == State::kStarting) return true;
  if (signal == SIGTERM && container->script.ignores_term) return true;
  machine_.Cancel(container->timer);
  container->timer = machine_.After(Delay(), [this, id, signal] { End(id, End::kSignal, signal); });
  return true;
}

void SimulatedContainerizer::Destroy(const ContainerId& id) {
  if (Container* container = Find(id)) KillContainer(id, *container);
  const std::string prefix = id.value() + ".";
  for (auto nested = containers_.lower_bound(ContainerId(prefix));
       nested != containers_.end() && nested->first.value().starts_with(prefix); ++nested) {
    KillContainer(nested->first, nested->second);
  }
}

// Takes effect after a delay, in which an almost finished launch may still succeed and a program
// may still act.
void SimulatedContainerizer::KillContainer(const ContainerId& id, Container& container) {
  if (container.state == State::kEnded || std::exchange(container.destroyed, true)) return;
  machine_.After(Delay(), [this, id] { Kill(id); });
}

void SimulatedContainerizer::Kill(const ContainerId& id) {
  Container* container = Find(id);
  if (container == nullptr) return;
  if (container->state != State::kStarting) return End(id, End::kSignal, SIGKILL);
  machine_.Cancel(container->timer);
  FailLaunch(id,
             {Code::kUnavailable, fmt::format("Container {} was destroyed before it started", id)});
}

void SimulatedContainerizer::End(const ContainerId& id, ContainerScript::End end, int code) {
  Container* container = Find(id);
  if (container == nullptr || container->state != State::kRunning) return;
  container->state = State::kEnded;
  machine_.Cancel(container->timer);
  container->executor.reset();
  parts_.world.Write("{}: {} has ended in container {}", host_, NameOf(container->script), id);
  parts_.observer.OnContainerEnded(host_, id.value(), NameOf(container->script));

  Termination termination;
  termination.status = WaitStatus(end, code);
  if (end == End::kOom) {
    const double megabytes = container->resources.Scalar(ResourceNames::Mem()).ToDouble();
    termination.reason = v1::TaskStatus::REASON_CONTAINER_LIMITATION_MEMORY;
    termination.message = fmt::format(
        "Memory limit exceeded: used up to {0:.0f}MB of the {0:.0f}MB allowed", megabytes);
    termination.limited =
        Resources::Parse(fmt::format("mem:{:.3f}", megabytes)).value_or(Resources());
  }
  container->termination = std::move(termination);
  TellEnd(id);
}

void SimulatedContainerizer::TellEnd(const ContainerId& id) {
  Tell([this, id] {
    Container* container = Find(id);
    if (container == nullptr || !container->waiter) return;
    std::exchange(container->waiter, nullptr)(container->termination);
  });
}

void SimulatedContainerizer::Update(const ContainerId& id, const Resources& resources,
                                    const containers::Limits&) {
  if (Container* container = Find(id)) container->resources = resources;
}

void SimulatedContainerizer::Exec(const ContainerId& id, v1::CommandInfo, Duration timeout,
                                  ExecCallback callback) {
  const auto [takes, succeeds] = MakeProbe(random_, faults_);
  ExecResult result;
  if (takes > timeout) {
    result = {.status = SIGKILL, .timed_out = true};
  } else if (!succeeds) {
    result.status = WaitStatus(End::kExit, 1);
  }
  machine_.After(std::min(takes, timeout),
                 [this, id, result, callback = std::move(callback)]() mutable {
                   const Container* container = Find(id);
                   const bool running = container != nullptr && container->state == State::kRunning;
                   Tell([id, result, running, callback = std::move(callback)]() mutable {
                     if (running) return callback(result);
                     callback(Fail(Code::kNotFound, "Container '{}' is not running", id));
                   });
                 });
}

void SimulatedContainerizer::Usage(
    const ContainerId& id, std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) {
  const Container* container = Find(id);
  const bool running = container != nullptr && container->state == State::kRunning;
  const double now = Seconds(machine_.WallNow());
  Tell([id, running, now, callback = std::move(callback)]() mutable {
    if (!running) return callback(Fail(Code::kNotFound, "Container '{}' is not running", id));
    v1::ResourceStatistics statistics;
    statistics.set_timestamp(now);
    callback(std::move(statistics));
  });
}

std::vector<std::string> SimulatedContainerizer::RunningTasks() const {
  std::vector<std::string> running;
  for (const auto& [id, container] : containers_) {
    if (container.state != State::kRunning) continue;
    if (!container.script.task.empty()) running.push_back(container.script.task);
    if (container.executor == nullptr) continue;
    for (std::string& task : container.executor->RunningTasks()) running.push_back(std::move(task));
  }
  return running;
}

void SimulatedContainerizer::KillOne(Random& random) {
  std::vector<ContainerId> running;
  for (const auto& [id, container] : containers_) {
    if (container.state == State::kRunning) running.push_back(id);
  }
  if (!running.empty()) End(running[random.Below(running.size())], End::kSignal, SIGSEGV);
}

void SimulatedProber::Http(const std::string&, const std::string&, uint16_t, const std::string&,
                           Duration timeout, std::move_only_function<void(Result<int>)> callback) {
  const Probe probe = MakeProbe(random_, faults_);
  agent_.After(std::min(probe.takes, timeout),
               [probe, timeout, callback = std::move(callback)]() mutable {
                 if (probe.takes <= timeout) return callback(probe.succeeds ? 200 : 503);
                 callback(Fail(Code::kUnavailable, "The request timed out"));
               });
}

void SimulatedProber::Tcp(const std::string&, uint16_t, Duration timeout,
                          std::move_only_function<void(Result<bool>)> callback) {
  const auto [takes, succeeds] = MakeProbe(random_, faults_);
  const bool connected = takes <= timeout && succeeds;
  agent_.After(std::min(takes, timeout),
               [connected, callback = std::move(callback)]() mutable { callback(connected); });
}

Status SimulatedDisk::CreateDirectory(const std::string&, const std::optional<std::string>&,
                                      const std::string&) {
  return {};
}

Status SimulatedDisk::Link(const std::string&, const std::string&) { return {}; }

void SimulatedDisk::Remove(const std::string&, std::move_only_function<void(Status)> callback) {
  agent_.Post([callback = std::move(callback)]() mutable { callback({}); });
}

Status SimulatedDisk::Move(const std::string&, const std::string&) { return {}; }

void SimulatedDisk::Empty(const std::string& path, std::move_only_function<void(Status)> callback) {
  Remove(path, std::move(callback));
}

Result<double> SimulatedDisk::UsedFraction(const std::string&) { return random_.Fraction(); }

}  // namespace tepui::sim
