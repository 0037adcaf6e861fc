// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/executors/executor.h"
#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// Returns the user that a container runs as: the command's user, else the framework's; absent if
// the agent does not switch users.
std::optional<std::string> UserOf(const v1::CommandInfo& command,
                                  const v1::FrameworkInfo& framework, const Options& options);

// Makes the persistent volumes among `resources` appear in `sandbox`, each as a symlink at its
// container path, and gives their directories to `user`.
Status LinkVolumes(const Services& services,
                   const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                   const std::string& sandbox, const std::optional<std::string>& user);

// Describes how to start `task` in `container` with `sandbox` as its working directory. The caller
// must set the environment.
containers::LaunchSpec MakeTaskLaunch(const v1::TaskInfo& task, const Executor& executor,
                                      const ContainerId& container, const std::string& sandbox,
                                      const std::optional<std::string>& user);

// Launches a container and calls `launched` with the result, unless `lifetime` has ended. The
// program of a container that outlives the agent starts when everything written to the checkpoint
// so far is durable: what a task does can be seen, so what explains it must be known after the
// agent's restart. Launches of the same moment share a write.
void LaunchContainer(const Services& services, containers::LaunchSpec spec,
                     const Lifetime& lifetime,
                     std::function<void(Result<containers::Launched>)> launched);

// Forgets an ended container when its end is saved.
void ForgetContainer(const Services& services, const ContainerId& container, bool checkpointed);

}  // namespace tepui::agent
