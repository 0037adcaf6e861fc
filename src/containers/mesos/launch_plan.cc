// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/launch_plan.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace tepui::containers {
namespace {

using RLimit = v1::RLimitInfo::RLimit;

std::unexpected<Error> NotSupported(const std::string& what) {
  return Fail(Code::kInvalid, "{} is not supported by the isolators configured on this agent",
              what);
}

Status CheckLinux(const v1::LinuxInfo& linux_info) {
  if (linux_info.seccomp().has_profile_name()) return NotSupported("A seccomp profile");
  if (linux_info.ipc_mode() == v1::LinuxInfo::PRIVATE || linux_info.has_shm_size()) {
    return NotSupported("A private IPC namespace");
  }
  if (linux_info.has_share_pid_namespace() && !linux_info.share_pid_namespace()) {
    return NotSupported("A PID namespace of its own");
  }
  return {};
}

Status CheckContainer(const v1::ContainerInfo& container) {
  if (container.type() == v1::ContainerInfo::DOCKER || container.has_docker()) {
    return NotSupported("A container of type DOCKER");
  }
  if (container.mesos().has_image()) return NotSupported("A container image");
  if (container.volumes_size() > 0) return NotSupported("A volume of the container");
  if (container.has_hostname()) return NotSupported("A hostname of its own");
  if (container.has_tty_info()) return NotSupported("A terminal");
  for (const v1::NetworkInfo& network : container.network_infos()) {
    if (network.has_name()) return NotSupported("The container network '" + network.name() + "'");
  }
  return CheckLinux(container.linux_info());
}

// Returns the kernel's number; -1 for an unknown type.
int ResourceOf(RLimit::Type type) {
  switch (type) {
    case RLimit::RLMT_AS:
      return RLIMIT_AS;
    case RLimit::RLMT_CORE:
      return RLIMIT_CORE;
    case RLimit::RLMT_CPU:
      return RLIMIT_CPU;
    case RLimit::RLMT_DATA:
      return RLIMIT_DATA;
    case RLimit::RLMT_FSIZE:
      return RLIMIT_FSIZE;
    case RLimit::RLMT_LOCKS:
      return RLIMIT_LOCKS;
    case RLimit::RLMT_MEMLOCK:
      return RLIMIT_MEMLOCK;
    case RLimit::RLMT_MSGQUEUE:
      return RLIMIT_MSGQUEUE;
    case RLimit::RLMT_NICE:
      return RLIMIT_NICE;
    case RLimit::RLMT_NOFILE:
      return RLIMIT_NOFILE;
    case RLimit::RLMT_NPROC:
      return RLIMIT_NPROC;
    case RLimit::RLMT_RSS:
      return RLIMIT_RSS;
    case RLimit::RLMT_RTPRIO:
      return RLIMIT_RTPRIO;
    case RLimit::RLMT_RTTIME:
      return RLIMIT_RTTIME;
    case RLimit::RLMT_SIGPENDING:
      return RLIMIT_SIGPENDING;
    case RLimit::RLMT_STACK:
      return RLIMIT_STACK;
    case RLimit::UNKNOWN:
      break;
  }
  return -1;
}

std::string RlimitName(uint32_t resource) {
  for (int type = RLimit::Type_MIN; type <= RLimit::Type_MAX; ++type) {
    auto known = static_cast<RLimit::Type>(type);
    if (ResourceOf(known) == static_cast<int>(resource)) return RLimit::Type_Name(known);
  }
  return "unknown";
}

Status PlanRlimits(const v1::RLimitInfo& info, shim::Launch* launch) {
  if (info.rlimits_size() > static_cast<int>(shim::kMaxRlimits)) {
    return Fail(Code::kInvalid, "The container has more than {} rlimits", shim::kMaxRlimits);
  }
  for (const RLimit& limit : info.rlimits()) {
    int resource = ResourceOf(limit.type());
    if (resource < 0) return Fail(Code::kInvalid, "An rlimit of the container has no known type");
    if (limit.has_soft() != limit.has_hard()) {
      return Fail(Code::kInvalid,
                  "Rlimit {} must have both a soft and a hard value, or neither for no limit",
                  RLimit::Type_Name(limit.type()));
    }
    if (limit.soft() > limit.hard()) {
      return Fail(Code::kInvalid, "The soft value of rlimit {} is above the hard one",
                  RLimit::Type_Name(limit.type()));
    }
    constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();
    launch->rlimits.push_back({static_cast<uint32_t>(resource), 0,
                               limit.has_soft() ? limit.soft() : kNone,
                               limit.has_hard() ? limit.hard() : kNone});
  }
  return {};
}

// The kernel's number n is 1000 + n in the message.
std::optional<uint64_t> Bits(const std::optional<v1::CapabilityInfo>& info) {
  if (!info) return std::nullopt;
  uint64_t bits = 0;
  for (int capability : info->capabilities()) {
    if (capability >= 1000 && capability < 1064) bits |= uint64_t{1} << (capability - 1000);
  }
  return bits;
}

// Works like linux/capabilities of Mesos: the task's own sets override the operator's, within the
// operator's bounding set; an effective set without a bounding one is also the bounding set.
Status PlanCapabilities(const v1::LinuxInfo& info, const CapabilityOptions& options,
                        shim::Launch* launch) {
  if (info.has_capability_info() && info.has_effective_capabilities()) {
    return Fail(Code::kInvalid,
                "Only one of 'capability_info' and 'effective_capabilities' may be set");
  }
  std::optional<uint64_t> effective = Bits(options.effective);
  if (info.has_capability_info()) effective = Bits(info.capability_info());
  if (info.has_effective_capabilities()) effective = Bits(info.effective_capabilities());
  std::optional<uint64_t> allowed = Bits(options.bounding);
  std::optional<uint64_t> bounding = allowed;
  if (info.has_bounding_capabilities()) bounding = Bits(info.bounding_capabilities());
  if (allowed && (*bounding & ~*allowed) != 0) {
    return Fail(Code::kInvalid,
                "The bounding capabilities asked for exceed the agent's --bounding_capabilities");
  }
  if (effective && !bounding) bounding = effective;
  if (effective && (*effective & ~*bounding) != 0) {
    return Fail(Code::kInvalid,
                "The effective capabilities asked for exceed the bounding capabilities");
  }
  launch->effective_capabilities = effective;
  launch->bounding_capabilities = bounding;
  return {};
}

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

Status PlanUser(const std::string& name, Users& users, shim::Launch* launch) {
  Result<shim::Launch::User> user = users.Resolve(name);
  if (!user) return Fail(user.error());
  // An agent that is not root can run tasks as its own user, as long as nothing has to be switched.
  if (geteuid() != 0 && user->uid == geteuid()) return {};
  launch->user = std::move(*user);
  return {};
}

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

Result<shim::Launch> PlanTask(const LaunchSpec& spec, const CapabilityOptions& capabilities,
                              Users& users) {
  shim::Launch launch;
  const v1::ContainerInfo container = spec.container.value_or(v1::ContainerInfo());
  Status planned = spec.container ? CheckContainer(container) : Status();
  if (planned) planned = PlanRlimits(container.rlimit_info(), &launch);
  if (planned) planned = PlanCapabilities(container.linux_info(), capabilities, &launch);
  if (planned) planned = PlanCommand(spec.command, &launch);
  if (planned && spec.user) planned = PlanUser(*spec.user, users, &launch);
  if (!planned) return Fail(planned.error());
  launch.kill_on_disconnect = !spec.outlives_agent;
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
    default:
      return {Code::kInternal,
              fmt::format("The task's shim failed at step {}: {}", failed.stage, why)};
  }
}

}  // namespace tepui::containers
