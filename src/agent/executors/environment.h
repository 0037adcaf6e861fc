#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/services/options.h"
#include "base/ids.h"

namespace tepui::agent {

using Environment = std::vector<std::pair<std::string, std::string>>;

// What an executor's process finds in its environment (reference 7.5).
struct ExecutorEnvironment {
  FrameworkId framework;
  v1::ExecutorInfo executor;
  AgentId agent;
  std::string sandbox;
  bool checkpoint = false;
  std::string token;  // Empty: executors are not authenticated.
};

// How long an executor may take to shut down: its own wish or else the agent's default.
Duration ShutdownGrace(const v1::ExecutorInfo& executor, const Options& options);

// All build on options.executor_environment; of equal names the later one wins: the agent's, the
// task's, the user's. kInvalid if the user's environment holds a secret that is only a reference:
// there is nothing to resolve it with.

// A custom executor's.
Result<Environment> MakeExecutorEnvironment(const ExecutorEnvironment& executor,
                                            const Options& options);
// A command task's: what Mesos' own executor would have and hand down.
Result<Environment> MakeCommandTaskEnvironment(const ExecutorEnvironment& executor,
                                               const v1::TaskInfo& task, const Options& options);
// A task's of a task group, in its own sandbox.
Result<Environment> MakeGroupTaskEnvironment(const v1::TaskInfo& task, const std::string& sandbox,
                                             const Options& options);

}  // namespace tepui::agent
