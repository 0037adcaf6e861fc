// SPDX-License-Identifier: Apache-2.0
#pragma once

// The records that MesosContainerizer keeps. Only its own files include this.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/backoff.h"
#include "containers/mesos/mesos_containerizer.h"

namespace tepui::containers {

// Checks that the id can be used as the name of directories, cgroups and files.
Status CheckId(const ContainerId& id);

// Logs that these processes survive SIGKILL; logs nothing if there are none.
void SayStuck(const ContainerId& id, const std::vector<pid_t>& pids);

struct MesosContainerizer::Plan {
  LaunchSpec spec;  // Once planned, its environment is in `launch`.
  Demand demand;    // At the launch.
  // Written before the agent's thread gets the shim; read-only afterwards.
  shim::Launch launch;
  bool planned = false;  // Stays false for a recovered task whose user is unknown.
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
  Launched process;                   // Has no pid until the task's program runs.
  std::vector<int> early_signals;     // For the shim, once there is one.
  std::optional<int> status;
  std::optional<Error> not_started;
  std::optional<Limitation> limitation;
  bool destroying = false;
  TimerId destroy_deadline = 0;
  Backoff kill_backoff{std::chrono::seconds(1), std::chrono::minutes(1)};
  bool alone = false;   // At the last check, no process was left below the shim.
  bool orphan = false;  // No RecoverSpec claimed it, so its record is not needed.

  Demand demand;  // The latest request.
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
  size_t steps_left = 0;  // Claims and orphans still in progress.
};

// A command run beside a task. On the agent's thread.
struct MesosContainerizer::Check {
  v1::CommandInfo command;
  ExecCallback done;    // Empty once it has run.
  shim::Launch launch;  // Written before there is a shim; read-only afterwards.
  std::shared_ptr<ShimProcess> shim;
  std::optional<int> status;
  std::optional<Error> failed;
  bool killed = false;  // May be set before there is a shim.
  bool timed_out = false;
  TimerId deadline = 0;

  void Kill() {
    killed = true;
    if (shim != nullptr) shim->Kill();
  }
};

}  // namespace tepui::containers
