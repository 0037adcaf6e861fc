// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/services/options.h"
#include "base/ids.h"

namespace tepui::agent {

using Environment = std::vector<std::pair<std::string, std::string>>;

// The values from which an executor's environment is made (reference 7.5).
struct ExecutorEnvironment {
  FrameworkId framework;
  v1::ExecutorInfo executor;
  AgentId agent;
  std::string sandbox;
  bool checkpoint = false;
  std::string token;  // Empty: executors are not authenticated.
};

// Returns how long an executor may take to shut down: the time that its ExecutorInfo asks for, else
// the agent's default.
Duration ShutdownGrace(const v1::ExecutorInfo& executor, const Options& options);

// The following functions start with options.executor_environment. They add the agent's variables,
// then those of the command; a later one replaces an earlier one of the same name. They return
// kInvalid if the command's environment has a secret that is only a reference, since the agent
// cannot resolve it.

// Returns the environment of a custom executor.
Result<Environment> MakeExecutorEnvironment(const ExecutorEnvironment& executor,
                                            const Options& options);
// Returns the environment of a command task: what Mesos' own executor would have and pass on.
Result<Environment> MakeCommandTaskEnvironment(const ExecutorEnvironment& executor,
                                               const v1::TaskInfo& task, const Options& options);
// Returns the environment of a task of a task group, which has its own sandbox.
Result<Environment> MakeGroupTaskEnvironment(const v1::TaskInfo& task, const std::string& sandbox,
                                             const Options& options);

}  // namespace tepui::agent
