// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/executors/executor.h"
#include "agent/services/services.h"

namespace tepui::agent {

// Returns the user that a container runs as: the command's user, else the framework's; absent if
// the agent does not switch users.
std::optional<std::string> UserOf(const v1::CommandInfo& command,
                                  const v1::FrameworkInfo& framework, const Options& options);

// Makes the persistent volumes among `resources` appear in `sandbox`, each as a symlink at its
// container path, and gives their directories and the sandbox to `user`.
Status LinkVolumes(const Services& services,
                   const google::protobuf::RepeatedPtrField<v1::Resource>& resources,
                   const std::string& sandbox, const std::optional<std::string>& user);

// Describes how to start `task` in `container` with `sandbox` as its working directory. The caller
// must set the environment.
containers::LaunchSpec MakeTaskLaunch(const v1::TaskInfo& task, const Executor& executor,
                                      const ContainerId& container, const std::string& sandbox,
                                      const std::optional<std::string>& user);

// Forgets an ended container when its end is saved.
void ForgetContainer(const Services& services, const ContainerId& container, bool checkpointed);

}  // namespace tepui::agent
