// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/environment.h"

#include <fmt/format.h>

#include <map>

#include "agent/services/statuses.h"
#include "base/units.h"

namespace tepui::agent {

namespace {

using Variables = std::map<std::string, std::string>;

Variables Base(const Options& options) {
  Variables variables;
  for (const auto& [name, value] : options.executor_environment) variables[name] = value;
  return variables;
}

Environment ToVector(Variables variables) {
  Environment out;
  out.reserve(variables.size());
  for (auto& [name, value] : variables) out.emplace_back(name, std::move(value));
  return out;
}

Status AddUsers(const v1::Environment& environment, Variables& variables) {
  for (const v1::Environment::Variable& variable : environment.variables()) {
    if (variable.type() != v1::Environment::Variable::SECRET) {
      variables[variable.name()] = variable.value();
    } else if (variable.secret().has_value()) {
      variables[variable.name()] = variable.secret().value().data();
    } else {
      return Fail(Code::kInvalid,
                  "The environment variable {} refers to the secret '{}', and this agent has no "
                  "secret resolver; give the secret by value",
                  variable.name(), variable.secret().reference().name());
    }
  }
  return {};
}

void AddExecutors(const ExecutorEnvironment& executor, const Options& options,
                  Variables& variables) {
  const std::string& ip =
      options.address.ip().empty() ? options.address.hostname() : options.address.ip();
  const std::string endpoint = fmt::format("{}:{}", ip, options.address.port());
  // The executor must not try to take a port that the agent was given.
  variables["LIBPROCESS_PORT"] = "0";
  variables["MESOS_FRAMEWORK_ID"] = executor.framework.value();
  variables["MESOS_EXECUTOR_ID"] = executor.executor.executor_id().value();
  variables["MESOS_DIRECTORY"] = executor.sandbox;
  variables["MESOS_SANDBOX"] = executor.sandbox;
  variables["MESOS_SLAVE_ID"] = executor.agent.value();
  variables["MESOS_SLAVE_PID"] = "slave(1)@" + endpoint;
  variables["MESOS_AGENT_ENDPOINT"] = endpoint;
  variables["MESOS_CHECKPOINT"] = executor.checkpoint ? "1" : "0";
  variables["MESOS_HTTP_COMMAND_EXECUTOR"] = "0";
  variables["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] =
      FormatDuration(ShutdownGrace(executor.executor, options));
  if (executor.checkpoint) {
    variables["MESOS_RECOVERY_TIMEOUT"] = FormatDuration(options.recovery_timeout);
    variables["MESOS_SUBSCRIPTION_BACKOFF_MAX"] =
        FormatDuration(options.executor_reregistration_timeout);
  }
}

void AddRole(const v1::TaskInfo& task, Variables& variables) {
  // Tasks do not mix resources allocated to different roles.
  if (task.resources_size() > 0) {
    variables["MESOS_ALLOCATION_ROLE"] = task.resources(0).allocation_info().role();
  }
}

}  // namespace

Duration ShutdownGrace(const v1::ExecutorInfo& executor, const Options& options) {
  return executor.has_shutdown_grace_period() ? FromProto(executor.shutdown_grace_period())
                                              : options.executor_shutdown_grace_period;
}

Result<Environment> MakeExecutorEnvironment(const ExecutorEnvironment& executor,
                                            const Options& options) {
  Variables variables = Base(options);
  AddExecutors(executor, options, variables);
  if (!executor.token.empty()) {
    variables["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"] = executor.token;
  }
  if (auto added = AddUsers(executor.executor.command().environment(), variables); !added) {
    return Fail(added.error());
  }
  return ToVector(std::move(variables));
}

Result<Environment> MakeCommandTaskEnvironment(const ExecutorEnvironment& executor,
                                               const v1::TaskInfo& task, const Options& options) {
  Variables variables = Base(options);
  AddExecutors(executor, options, variables);
  if (auto added = AddUsers(task.command().environment(), variables); !added) {
    return Fail(added.error());
  }
  AddRole(task, variables);
  return ToVector(std::move(variables));
}

Result<Environment> MakeGroupTaskEnvironment(const v1::TaskInfo& task, const std::string& sandbox,
                                             const Options& options) {
  Variables variables = Base(options);
  variables["MESOS_SANDBOX"] = sandbox;
  if (!options.address.ip().empty()) variables["MESOS_CONTAINER_IP"] = options.address.ip();
  if (auto added = AddUsers(task.command().environment(), variables); !added) {
    return Fail(added.error());
  }
  AddRole(task, variables);
  return ToVector(std::move(variables));
}

}  // namespace tepui::agent
