// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/launch_plan.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "containers/isolators/rlimits_isolator.h"

namespace tepui::containers {
namespace {

Status PlanCommand(const v1::CommandInfo& command, shim::Launch* launch) {
  launch->arguments.clear();
  if (command.value().empty()) {
    return Fail(Code::kInvalid, "The command has no value: nothing to run");
  }
  if (command.shell()) {
    launch->program = "/bin/sh";
    launch->arguments = {"sh", "-c", command.value()};
    return {};
  }
  launch->program = command.value();
  launch->arguments.assign(command.arguments().begin(), command.arguments().end());
  if (launch->arguments.empty()) launch->arguments.push_back(command.value());
  return {};
}

// An agent that is not root can run tasks as its own user, because nothing has to be switched.
bool MustSwitchTo(const ContainerUser& user) { return geteuid() == 0 || user.ids.uid != geteuid(); }

Error ExecFailure(const shim::Event& failed, const shim::Launch& launch, const std::string& as) {
  const std::string& program = launch.program;
  bool path = program.find('/') != std::string::npos;
  switch (failed.error) {
    case ENOENT:
    case ENOTDIR:
      return {Code::kNotFound,
              path ? fmt::format("Cannot run '{}': there is no such file", program)
                   : fmt::format("Cannot run '{}': no such program in PATH", program)};
    case EACCES:
      return {Code::kInvalid,
              fmt::format("Cannot run '{}': it is not a file that {} may execute", program, as)};
    case ENOEXEC:
      return {Code::kInvalid,
              fmt::format("Cannot run '{}': it is neither a script nor a program for this machine",
                          program)};
    case E2BIG:
      return {Code::kInvalid, fmt::format("Cannot run '{}': its arguments and environment are "
                                          "larger than the kernel takes",
                                          program)};
    default:
      return {Code::kInternal,
              fmt::format("Cannot run '{}': {}", program, std::strerror(failed.error))};
  }
}

Error DirectoryFailure(const shim::Event& failed, const shim::Launch& launch,
                       const std::string& as) {
  if (failed.error == ENOENT || failed.error == ENOTDIR) {
    return {Code::kNotFound,
            fmt::format("The working directory '{}' does not exist", launch.directory)};
  }
  return {Code::kInvalid, fmt::format("The working directory '{}' cannot be entered by {}: {}",
                                      launch.directory, as, std::strerror(failed.error))};
}

}  // namespace

Result<std::optional<ContainerUser>> UserOf(const LaunchSpec& spec, Users& users) {
  if (!spec.user) return std::nullopt;
  Result<shim::Launch::User> ids = users.Resolve(*spec.user);
  if (!ids) return Fail(ids.error());
  return ContainerUser{*spec.user, std::move(*ids)};
}

Result<shim::Launch> PlanTask(const ContainerContext& context) {
  const LaunchSpec& spec = context.spec;
  shim::Launch launch;
  const Status planned = PlanCommand(spec.command, &launch);
  if (!planned) return Fail(planned.error());
  if (context.user && MustSwitchTo(*context.user)) launch.user = context.user->ids;
  launch.kill_on_disconnect = !spec.outlives_agent;
  launch.hold = spec.outlives_agent;
  launch.directory = spec.sandbox;
  launch.stdout_path = "stdout";
  launch.stderr_path = "stderr";
  for (const auto& [name, value] : spec.environment) {
    launch.environment.push_back(name + "=" + value);
  }
  return launch;
}

Result<shim::Launch> PlanCheck(const shim::Launch& task, const v1::CommandInfo& command) {
  shim::Launch launch = task;
  Status planned = PlanCommand(command, &launch);
  if (!planned) return Fail(planned.error());
  launch.stdout_path = launch.stderr_path;
  launch.status_file.clear();
  launch.kill_on_disconnect = true;
  launch.hold = false;
  for (const auto& variable : command.environment().variables()) {
    std::string prefix = variable.name() + "=";
    std::erase_if(launch.environment,
                  [&](const std::string& known) { return known.starts_with(prefix); });
    launch.environment.push_back(prefix + variable.value());
  }
  return launch;
}

Error DescribeFailure(const shim::Event& failed, const shim::Launch& launch,
                      const std::optional<std::string>& user) {
  std::string as = user ? fmt::format("user '{}'", *user) : "the agent's user";
  std::string why = std::strerror(failed.error);
  switch (failed.stage) {
    case shim::kExec:
      return ExecFailure(failed, launch, as);
    case shim::kExecInterpreter:
      return {Code::kNotFound,
              fmt::format("Cannot run '{}': the interpreter in its first line, or the loader it "
                          "was linked for, is not on this machine",
                          launch.program)};
    case shim::kDirectory:
      return DirectoryFailure(failed, launch, as);
    case shim::kStdout:
    case shim::kStderr:
      return {Code::kInvalid,
              fmt::format("Cannot open '{}' in '{}' for {}: {}",
                          failed.stage == shim::kStdout ? launch.stdout_path : launch.stderr_path,
                          launch.directory, as,
                          failed.error == ELOOP    ? "it is a symbolic link"
                          : failed.error == EINVAL ? "it is not a plain file"
                                                   : why)};
    case shim::kGroups:
    case shim::kUser:
      return {Code::kInvalid,
              failed.error == EPERM
                  ? fmt::format("The agent may not run tasks as {}: it does not run as root", as)
                  : fmt::format("Cannot switch to {}: {}", as, why)};
    case shim::kRlimit:
      return {Code::kInvalid,
              fmt::format("Cannot set rlimit {}: {}",
                          failed.index < launch.rlimits.size()
                              ? RlimitName(launch.rlimits[failed.index].resource)
                              : "",
                          failed.error == EPERM ? "the agent may not raise it that far" : why)};
    case shim::kCapabilities:
      return {Code::kInvalid,
              fmt::format("Cannot set the task's capabilities: {}",
                          failed.error == EPERM ? "the agent does not have all of them" : why)};
    case shim::kCgroup:
      return {Code::kInternal,
              fmt::format("The task cannot join its cgroup '{}': {}",
                          failed.index < launch.cgroups.size() ? launch.cgroups[failed.index]
                                                               : launch.cgroup2,
                          why)};
    case shim::kFork:
      return {Code::kUnavailable, fmt::format("Cannot start a process for the task: {}", why)};
    case shim::kMark:
      return {Code::kUnavailable,
              fmt::format("Cannot note in the runtime directory that the task starts: {}", why)};
    default:
      return {Code::kInternal,
              fmt::format("The task's shim failed at step {}: {}", failed.stage, why)};
  }
}

}  // namespace tepui::containers
