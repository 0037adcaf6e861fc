#pragma once

// The records MesosContainerizer keeps; for its own files only.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "containers/mesos_containerizer.h"

namespace tepui::containers {

struct MesosContainerizer::Plan {
  LaunchSpec spec;  // The environment has moved into `launch` once planned.
  Demand demand;    // As launched.
  shim::Launch launch;
  std::vector<Poller::Token> alarms;  // Written before the shim is started, then only read.
  std::atomic<bool> cancelled = false;

  const ContainerId& id() const { return spec.id; }
};

// On the agent's thread.
struct MesosContainerizer::Container {
  std::shared_ptr<Plan> plan;
  LaunchCallback launched;  // Empty once it has run.
  TerminationCallback waiter;
  std::shared_ptr<ShimProcess> shim;  // Null until it is started.
  int pid = 0;                        // Of the task, from when its program runs.
  std::vector<int> early_signals;     // For the shim to come.
  std::optional<int> status;
  std::optional<Error> not_started;
  std::optional<Limitation> limitation;
  bool destroying = false;
  TimerId destroy_deadline = 0;

  Demand demand;  // As last asked for.
  bool updating = false;
  bool update_waits = false;
  bool ended = false;  // The shim is gone.

  std::vector<std::shared_ptr<Check>> checks;
};

// A command run beside a task. On the agent's thread.
struct MesosContainerizer::Check {
  ExecCallback done;  // Empty once it has run.
  shim::Launch launch;
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
