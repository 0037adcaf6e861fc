// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "container/containerizer.h"
#include "containers/mesos/launcher.h"

namespace tepui::containers {

// Logs that these processes of a container survive SIGKILL; logs nothing if there are none.
void LogStuck(const ContainerId& id, const std::vector<pid_t>& pids);

// What blocks when containers from before the agent's restart are recovered: looking for them,
// attaching to their shims, ending what nobody claims. It decides nothing and remembers nothing of
// a container. Thread-safe, for different containers; it is called on worker threads.
class Recoverer {
 public:
  // `shim_timeout` is the time that a shim has to answer, `destroy_timeout` the time that it has to
  // end its container. `launcher` must outlive this object.
  Recoverer(Launcher& launcher, Launcher::Parts parts, Duration shim_timeout,
            Duration destroy_timeout);

  struct Orphan {
    ContainerId id;
    bool has_nested;  // It has claimed nested containers.
  };
  // Returns the containers on this machine that are not in `claimed`.
  Result<std::vector<Orphan>> FindOrphans(const std::set<ContainerId>& claimed);

  // The container runs on under this agent.
  struct Running {
    std::shared_ptr<ShimProcess> shim;
    Launched process;
  };
  // The container's program has never run. Nothing is left of the container.
  struct NotStarted {};
  // The container had to be killed, because its shim does not answer as the task's, and has not
  // ended.
  struct Surviving {
    std::shared_ptr<ShimProcess> shim;
  };
  // An error means that this version of Tepui cannot control the container, which is left alone.
  using Outcome = std::variant<Running, NotStarted, Surviving, Termination, Error>;
  // Takes control of a claimed container, or cleans up after it.
  Outcome Recover(LaunchPlan& plan, const Launched& process);

  struct Destroyed {
    bool existed = true;  // More than its exit record was left.
    std::shared_ptr<ShimProcess> survivor;
    Launched process;
  };
  Destroyed Destroy(const Orphan& orphan);

 private:
  bool NeverRan(const ContainerId& id, const Launched& process) const;
  bool EndShim(const ContainerId& id, const ShimProcess::Attached& attached);

  Launcher& launcher_;
  const Launcher::Parts parts_;
  const Duration shim_timeout_;
  const Duration destroy_timeout_;
};

}  // namespace tepui::containers
