// SPDX-License-Identifier: Apache-2.0
#pragma once

// The records that MesosContainerizer keeps. Only its own files include this.

#include <memory>
#include <optional>

#include "base/backoff.h"
#include "containers/mesos/mesos_containerizer.h"

namespace tepui::containers {

// Checks that the id can be used as the name of directories, cgroups and files.
Status CheckId(const ContainerId& id);

// On the agent's thread.
struct MesosContainerizer::Container {
  std::shared_ptr<LaunchPlan> plan;
  LaunchCallback launched;  // Empty once it has run.
  TerminationCallback waiter;
  std::shared_ptr<ShimProcess> shim;  // Null until it is started.
  Launched process;                   // Has no pid until the task's program runs.
  std::optional<int> status;
  std::optional<Error> not_started;
  std::optional<Limitation> limitation;
  bool go = false;  // Its program may run.
  bool destroying = false;
  TimerId destroy_deadline = 0;
  Backoff kill_backoff{std::chrono::seconds(1), std::chrono::minutes(1)};
  bool alone = false;   // At the last check, no process was left below the shim.
  bool orphan = false;  // No RecoverSpec claimed it, so its record is not needed.

  Demand demand;  // The latest request.
  bool updating = false;
  bool update_waits = false;
  bool ended = false;  // The shim is gone.
};

// On the agent's thread.
struct MesosContainerizer::Recovery {
  RecoverCallback callback;
  Recovered result;
  size_t steps_left = 0;  // Claims and orphans still in progress.
};

}  // namespace tepui::containers
