// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/mailbox.h"
#include "base/worker_pool.h"
#include "container/containerizer.h"
#include "containers/mesos/launcher.h"
#include "containers/mesos/poller.h"

namespace tepui::containers {

// Commands that run beside the tasks of containers, each with a shim of its own. All methods are
// called on the agent's thread, and callbacks run there.
class Checks {
 public:
  // All must outlive this object; the threads of `workers` and `poller` must be stopped before it
  // is destroyed. Callbacks of checks that run then are dropped.
  Checks(Launcher& launcher, Poller& poller, WorkerPool& workers, const Mailbox& mailbox)
      : launcher_(launcher), poller_(poller), workers_(workers), mailbox_(mailbox) {}

  // Runs `command` in the container of `plan`. It is killed with all its children after `timeout`.
  void Run(std::shared_ptr<const LaunchPlan> plan, v1::CommandInfo command, Duration timeout,
           Containerizer::ExecCallback callback);

  // Kills all checks of the container. Their callbacks follow.
  void Kill(const ContainerId& id);

 private:
  struct Check;
  using CheckPtr = std::shared_ptr<Check>;

  void Start(const CheckPtr& check);  // On a worker thread.
  void OnEvent(Check& check, const shim::Event& event);
  void Finish(const CheckPtr& check);

  Launcher& launcher_;
  Poller& poller_;
  WorkerPool& workers_;
  const Mailbox& mailbox_;
  std::multimap<ContainerId, CheckPtr> running_;
};

}  // namespace tepui::containers
