#pragma once

// The records MesosContainerizer keeps; for its own files only.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/backoff.h"
#include "containers/mesos/mesos_containerizer.h"

namespace tepui::containers {

// The id names directories, cgroups and files.
Status CheckId(const ContainerId& id);

// Logs that these processes outlive SIGKILL, if there are any.
void SayStuck(const ContainerId& id, const std::vector<pid_t>& pids);

struct MesosContainerizer::Plan {
  LaunchSpec spec;  // The environment has moved into `launch` once planned.
  Demand demand;    // As launched.
  // Written before the agent's thread has the shim, then only read.
  shim::Launch launch;
  bool planned = false;  // Not so if a recovered task cannot be planned anew: its user is unknown.
  std::vector<Poller::Token> alarms;
  std::atomic<bool> cancelled = false;

  const ContainerId& id() const { return spec.id; }
};

// On the agent's thread.
struct MesosContainerizer::Container {
  std::shared_ptr<Plan> plan;
  LaunchCallback launched;  // Empty once it has run.
  TerminationCallback waiter;
  std::shared_ptr<ShimProcess> shim;  // Null until it is started.
  Launched process;                   // From when the task's program runs; no pid before.
  std::vector<int> early_signals;     // For the shim to come.
  std::optional<int> status;
  std::optional<Error> not_started;
  std::optional<Limitation> limitation;
  bool destroying = false;
  TimerId destroy_deadline = 0;
  Backoff kill_backoff{std::chrono::seconds(1), std::chrono::minutes(1)};
  bool alone = false;   // Its shim was, when it was looked at last.
  bool orphan = false;  // Nobody claimed it: its record is of use to none.

  Demand demand;  // As last asked for.
  bool updating = false;
  bool update_waits = false;
  bool ended = false;  // The shim is gone.

  std::vector<std::shared_ptr<Check>> checks;
};

struct MesosContainerizer::End {
  std::optional<int> status;
  std::optional<Limitation> limitation;

  Termination ToTermination(std::string_view why_unknown) &&;
};

// On the agent's thread.
struct MesosContainerizer::Recovery {
  RecoverCallback callback;
  Recovered result;
  size_t steps_left = 0;  // Claims and orphans that are worked on.
};

// A command run beside a task. On the agent's thread.
struct MesosContainerizer::Check {
  v1::CommandInfo command;
  ExecCallback done;    // Empty once it has run.
  shim::Launch launch;  // Written before there is a shim, then only read.
  std::shared_ptr<ShimProcess> shim;
  std::optional<int> status;
  std::optional<Error> failed;
  bool killed = false;  // Also if the shim is not there yet.
  bool timed_out = false;
  TimerId deadline = 0;

  void Kill() {
    killed = true;
    if (shim != nullptr) shim->Kill();
  }
};

}  // namespace tepui::containers
