// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "container/containerizer.h"
#include "containers/host/user.h"
#include "containers/isolators/isolation.h"
#include "containers/mesos/launch_plan.h"
#include "containers/mesos/poller.h"
#include "containers/mesos/runtime_directory.h"
#include "containers/mesos/shim_process.h"
#include "containers/mesos/shim_starter.h"
#include "containers/sandbox/roots.h"

namespace tepui::containers {

// How a container ended, as its cleanup finds.
struct ContainerEnd {
  std::optional<int> status;
  std::optional<Limitation> limitation;

  // `why_unknown` is the message's beginning if there is no status.
  Termination ToTermination(std::string_view why_unknown) &&;
};

// What blocks when a container starts or ends: users, directories, isolators, shims. It decides
// nothing and remembers nothing of a container. Thread-safe, for different containers; it is called
// on worker threads.
class Launcher {
 public:
  struct Parts {
    std::shared_ptr<Isolation> isolation;
    std::shared_ptr<ShimStarter> starter;
    std::shared_ptr<RuntimeDirectory> runtime;
    std::shared_ptr<Users> users;
    std::string boot_id;
    std::shared_ptr<const Roots> roots = std::make_shared<Roots>();
  };
  // `on_alarm` is called on the poller's thread when a container may have run into a limit. The
  // poller must outlive this object, and be stopped when it is destroyed.
  Launcher(Parts parts, Poller& poller, std::function<void(const ContainerId&)> on_alarm);

  // Plans the launch and makes the sandbox. Returns kInvalid for what the isolators do not give,
  // kNotFound for a user that does not exist.
  Status Plan(LaunchPlan& plan);

  // Prepares the isolators and starts the shim of a planned container. After an error nothing of
  // the container is left but its sandbox.
  Result<std::shared_ptr<ShimProcess>> Start(LaunchPlan& plan);

  // Isolates a container from before the agent's restart again, as far as it can, and plans what
  // its checks need. What is missing is logged.
  void Readopt(LaunchPlan& plan);

  // Starts `command` beside the container's task and writes its launch to `launch`. It ends with
  // the agent, so its shim cannot be attached to.
  Result<std::shared_ptr<ShimProcess>> StartCheck(const LaunchPlan& plan,
                                                  const v1::CommandInfo& command,
                                                  shim::Launch* launch);

  // The poller does not raise the container's alarms any more.
  void Disarm(const LaunchPlan& plan);

  // Cleans up what a shim that is gone has left. Without `status`, reads how the task ended from
  // the container's directory.
  ContainerEnd CleanUp(const ContainerId& id, const Launched& process, std::optional<int> status);

 private:
  Result<shim::Launch> Draft(ContainerContext* context);
  Result<shim::Launch> LaunchOf(const LaunchPlan& plan);
  void ArmAlarms(LaunchPlan& plan);
  void CleanUpIsolators(const ContainerId& id);

  const Parts parts_;
  Poller& poller_;
  const std::function<void(const ContainerId&)> on_alarm_;
};

}  // namespace tepui::containers
