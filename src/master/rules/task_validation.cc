// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cmath>

#include "master/rules/container_rules.h"
#include "master/rules/resource_rules.h"
#include "master/rules/validation.h"
#include "model/capabilities.h"
#include "resources/resource.h"

namespace tepui::master::validation {
namespace {

using Agent = v1::AgentInfo;
using Executor = v1::ExecutorInfo;

// The least resources that an executor of a task group needs.
constexpr Amount kMinExecutorCpus = Amount::FromMilli(10);
constexpr Amount kMinExecutorMem = Amount::FromMilli(32'000);

std::string TaskName(const v1::TaskInfo& task) {
  return fmt::format("Task '{}'", task.task_id().value());
}

std::string ExecutorName(const Executor& executor) {
  return fmt::format("Executor '{}'", executor.executor_id().value());
}

// Returns the bytes of a message with its maps in order. Resources are compared separately, because
// their order has no meaning.
std::string BytesWithoutResources(Executor executor) {
  executor.clear_resources();
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  executor.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

bool SameExecutor(const Executor& a, const Executor& b) {
  if (BytesWithoutResources(a) != BytesWithoutResources(b)) return false;
  const Result<Resources> resources_a = Resources::FromProto(a.resources());
  const Result<Resources> resources_b = Resources::FromProto(b.resources());
  return resources_a && resources_b && *resources_a == *resources_b;
}

// Checks the resources of one task or one executor.
Result<Resources> ValidateResources(const ResourceField& field) {
  Result<Resources> resources = ReadResources(field);
  if (!resources) return resources;
  Status valid = ValidateDistinctVolumes(*resources);
  if (valid) valid = ValidateOneAllocationRole(*resources);
  if (valid) valid = ValidateNotMixedRevocable(*resources);
  if (!valid) return Fail(valid.error());
  return resources;
}

// Checks resources that are used at the same time. `total` is the sum of `parts`.
Status ValidateTogether(std::span<const Resources> parts, const Resources& total) {
  if (Status valid = ValidateDisjoint(parts); !valid) return valid;
  if (Status valid = ValidateDistinctVolumes(total); !valid) return valid;
  return ValidateNotMixedRevocable(total);
}

Status ValidateLimit(const std::string& name, double limit, const Resources& resources) {
  if (name != "cpus" && name != "mem") {
    return Fail(Code::kInvalid, "Only cpus and mem can have a limit, not '{}'", name);
  }
  const Amount request =
      resources.Scalar(name == "cpus" ? ResourceNames::Cpus() : ResourceNames::Mem());
  if (request == Amount()) {
    return Fail(Code::kInvalid, "It has a limit of {} but does not request any", name);
  }
  if (std::isnan(limit) || limit < request.ToDouble()) {
    return Fail(Code::kInvalid, "Its limit of {}, {}, is below the {} it requests", name, limit,
                request.ToDouble());
  }
  return {};
}

Status ValidateLimits(const v1::TaskInfo& task, const Resources& resources,
                      const TaskContext& context) {
  if (task.limits().empty()) return {};
  if (!model::HasCapability(context.agent_capabilities, Agent::Capability::TASK_RESOURCE_LIMITS)) {
    return Fail(Code::kInvalid, "It has limits, which its agent does not support");
  }
  for (const auto& [name, limit] : task.limits()) {
    if (Status valid = ValidateLimit(name, limit.value(), resources); !valid) return valid;
  }
  return {};
}

Status ValidateTimes(const v1::TaskInfo& task) {
  if (task.kill_policy().grace_period().nanoseconds() < 0) {
    return Fail(Code::kInvalid, "Its 'kill_policy.grace_period' is negative");
  }
  if (task.max_completion_time().nanoseconds() < 0) {
    return Fail(Code::kInvalid, "Its 'max_completion_time' is negative");
  }
  return {};
}

Status ValidateIdentity(const v1::TaskInfo& task, const TaskContext& context) {
  if (Status valid = ValidateId(task.task_id().value(), "Its id"); !valid) return valid;
  if (context.task_id_taken(TaskId(task.task_id().value()))) {
    return Fail(Code::kInvalid, "Its id belongs to another task that is alive or unreachable");
  }
  if (task.agent_id().value() != context.agent.id().value()) {
    return Fail(Code::kInvalid, "It names agent '{}', but the offers are of agent '{}'",
                task.agent_id().value(), context.agent.id().value());
  }
  return {};
}

// Checks what holds for a task, alone or in a group. Returns its resources.
Result<Resources> ValidateCommon(const v1::TaskInfo& task, const TaskContext& context) {
  Status valid = ValidateIdentity(task, context);
  if (valid) valid = ValidateTimes(task);
  if (valid && task.has_check()) valid = Within("Its check", ValidateCheck(task.check()));
  if (valid && task.has_health_check()) {
    valid = Within("Its health check", ValidateHealthCheck(task.health_check()));
  }
  if (valid && task.has_command()) {
    valid = ValidateCommand(task.command(), task.has_container() ? &task.container() : nullptr);
  }
  if (valid && task.has_container()) {
    valid = Within("Its container", ValidateContainer(task.container()));
  }
  if (!valid) return Fail(valid.error());

  if (task.resources().empty()) return Fail(Code::kInvalid, "It uses no resources");
  Result<Resources> resources = ValidateResources(task.resources());
  if (!resources) return resources;
  if (valid = ValidateLimits(task, *resources, context); !valid) return Fail(valid.error());
  return resources;
}

Status ValidateExecutorKind(const Executor& executor) {
  switch (executor.type()) {
    case Executor::DEFAULT:
      if (executor.has_command()) {
        return Fail(Code::kInvalid, "Of type DEFAULT, it must not have a command");
      }
      if (!executor.has_container()) return {};
      if (executor.container().type() != v1::ContainerInfo::MESOS) {
        return Fail(Code::kInvalid, "Of type DEFAULT, its container must be of type MESOS");
      }
      if (executor.container().mesos().has_image()) {
        return Fail(Code::kInvalid, "Of type DEFAULT, its container must not have an image");
      }
      return {};
    case Executor::CUSTOM:
      if (executor.has_command()) return {};
      return Fail(Code::kInvalid, "Of type CUSTOM, it needs a command");
    case Executor::UNKNOWN:
      return {};
  }
  return {};
}

// Checks what holds for the executor of a task or a group. Returns its resources.
Result<Resources> ValidateExecutor(const Executor& executor, const TaskContext& context) {
  Status valid = ValidateId(executor.executor_id().value(), "Its id");
  if (valid) valid = ValidateExecutorKind(executor);
  if (valid && executor.shutdown_grace_period().nanoseconds() < 0) {
    valid = Fail(Code::kInvalid, "Its 'shutdown_grace_period' is negative");
  }
  if (valid && executor.has_command()) {
    valid = ValidateCommand(executor.command(),
                            executor.has_container() ? &executor.container() : nullptr);
  }
  if (valid && executor.has_container()) {
    valid = Within("Its container", ValidateContainer(executor.container()));
  }
  if (!valid) return Fail(valid.error());

  const v1::LinuxInfo& linux_info = executor.container().linux_info();
  if (linux_info.has_share_cgroups() && linux_info.share_cgroups()) {
    return Fail(Code::kInvalid, "Its container cannot set 'share_cgroups' to true");
  }
  if (executor.framework_id().value() != context.framework.id().value()) {
    return Fail(Code::kInvalid, "Its 'framework_id' is '{}', but it belongs to framework '{}'",
                executor.framework_id().value(), context.framework.id().value());
  }
  Result<Resources> resources = ValidateResources(executor.resources());
  if (!resources) return resources;
  const Executor* running = context.running_executor(ExecutorId(executor.executor_id().value()));
  if (running != nullptr && !SameExecutor(*running, executor)) {
    return Fail(Code::kInvalid,
                "An executor of that id runs on the agent already, with a different ExecutorInfo");
  }
  return resources;
}

// Checks the executor that a single task has.
Result<Resources> ValidateCustomExecutor(const Executor& executor, const TaskContext& context) {
  if (executor.has_type() && executor.type() != Executor::CUSTOM) {
    return Fail(Code::kInvalid, "Its type must be CUSTOM; DEFAULT is for task groups");
  }
  if (!executor.has_command()) return Fail(Code::kInvalid, "It needs a command");
  Result<Resources> resources = ValidateExecutor(executor, context);
  if (resources && !resources->Shared().empty()) {
    return Fail(Code::kInvalid, "It cannot use shared volumes");
  }
  return resources;
}

Status ValidateSingleTask(const v1::TaskInfo& task, const TaskContext& context) {
  if (task.has_executor() == task.has_command()) {
    return Fail(Code::kInvalid, "It needs exactly one of 'command' and 'executor', and has {}",
                task.has_executor() ? "both" : "neither");
  }
  Result<Resources> own = ValidateCommon(task, context);
  if (!own) return Fail(own.error());
  if (task.has_container() && !SharesCgroups(&task.container())) {
    return Fail(Code::kInvalid, "Only tasks of a task group can set 'share_cgroups' to false");
  }

  Resources needed = *own;
  if (task.has_executor()) {
    Result<Resources> executor = ValidateCustomExecutor(task.executor(), context);
    if (!executor) return Within(ExecutorName(task.executor()), Fail(executor.error()));
    const Resources parts[] = {*own, *executor};
    if (Status valid = ValidateTogether(parts, *own + *executor); !valid) {
      return Within("It and its executor", std::move(valid));
    }
    if (context.running_executor(ExecutorId(task.executor().executor_id().value())) == nullptr) {
      needed += *executor;
    }
  }
  if (!context.offered.Contains(needed)) {
    return Fail(Code::kInvalid, "It needs {}, but the offers have only {}", needed.ToString(),
                context.offered.ToString());
  }
  return {};
}

Result<Resources> ValidateGroupTask(const v1::TaskInfo& task, const Executor& executor,
                                    const TaskContext& context) {
  Result<Resources> resources = ValidateCommon(task, context);
  if (!resources) return resources;
  if (task.has_executor() && !SameExecutor(task.executor(), executor)) {
    return Fail(Code::kInvalid, "Its executor differs from the one of the group");
  }
  if (task.container().type() == v1::ContainerInfo::DOCKER && task.has_container()) {
    return Fail(Code::kInvalid, "A task of a group cannot have a container of type DOCKER");
  }
  const v1::HealthCheck::Type probe = task.health_check().type();
  if (!task.container().network_infos().empty() &&
      (probe == v1::HealthCheck::HTTP || probe == v1::HealthCheck::TCP)) {
    return Fail(Code::kInvalid,
                "With a network of its own it cannot have a health check of type HTTP or TCP");
  }
  if (!task.limits().empty() && SharesCgroups(task.has_container() ? &task.container() : nullptr)) {
    return Fail(Code::kInvalid,
                "In a group it can have limits only with 'share_cgroups' set to false");
  }
  return resources;
}

// Checks the executor of a group, which must be able to run the group by itself.
Result<Resources> ValidateGroupExecutor(const Executor& executor, const TaskContext& context) {
  if (!executor.has_type() || executor.type() == Executor::UNKNOWN) {
    return Fail(Code::kInvalid, "It needs a type, DEFAULT or CUSTOM");
  }
  if (executor.has_container() && executor.container().type() == v1::ContainerInfo::DOCKER) {
    return Fail(Code::kInvalid, "The executor of a group cannot have a container of type DOCKER");
  }
  Result<Resources> resources = ValidateExecutor(executor, context);
  if (!resources) return resources;
  const Amount cpus = resources->Scalar(ResourceNames::Cpus());
  if (cpus < kMinExecutorCpus) {
    return Fail(Code::kInvalid, "It has {} cpus and needs {} at least", cpus.ToDouble(),
                kMinExecutorCpus.ToDouble());
  }
  const Amount mem = resources->Scalar(ResourceNames::Mem());
  if (mem < kMinExecutorMem) {
    return Fail(Code::kInvalid, "It has {} MB of mem and needs {} at least", mem.ToDouble(),
                kMinExecutorMem.ToDouble());
  }
  if (resources->Scalar(ResourceNames::Disk()) == Amount()) {
    return Fail(Code::kInvalid, "It has no disk");
  }
  return resources;
}

// All tasks of an executor share its cgroups, or none does, because cgroups are made when the
// executor starts.
Status ValidateUniformCgroups(const v1::TaskGroupInfo& group, const Executor& executor,
                              const TaskContext& context) {
  std::optional<bool> shares;
  if (context.executor_shares_cgroups) {
    shares = context.executor_shares_cgroups(ExecutorId(executor.executor_id().value()));
  }
  for (const v1::TaskInfo& task : group.tasks()) {
    const bool own = SharesCgroups(task.has_container() ? &task.container() : nullptr);
    if (shares.value_or(own) != own) {
      return Fail(Code::kInvalid, "'share_cgroups' must be the same for all tasks of an executor");
    }
    shares = own;
  }
  return {};
}

}  // namespace

bool SharesCgroups(const v1::ContainerInfo* container) {
  return container == nullptr || container->linux_info().share_cgroups();
}

Status ValidateTask(const v1::TaskInfo& task, const TaskContext& context) {
  return Within(TaskName(task), ValidateSingleTask(task, context));
}

Status ValidateTaskGroup(const v1::TaskGroupInfo& group, const Executor& executor,
                         const TaskContext& context) {
  if (group.tasks().empty()) return Fail(Code::kInvalid, "The task group has no tasks");
  std::vector<Resources> parts;
  Resources total;
  std::set<std::string_view> ids;
  for (const v1::TaskInfo& task : group.tasks()) {
    Result<Resources> resources = ValidateGroupTask(task, executor, context);
    if (resources && !ids.insert(task.task_id().value()).second) {
      resources = Fail(Code::kInvalid, "The group has two tasks of that id");
    }
    if (!resources) return Within(TaskName(task), Fail(resources.error()));
    total += *resources;
    parts.push_back(std::move(*resources));
  }

  Result<Resources> resources = ValidateGroupExecutor(executor, context);
  if (!resources) return Within(ExecutorName(executor), Fail(resources.error()));
  parts.push_back(*resources);
  if (Status valid = ValidateTogether(parts, total + *resources); !valid) {
    return Within("The tasks of the group and their executor", std::move(valid));
  }
  if (Status valid = ValidateUniformCgroups(group, executor, context); !valid) return valid;

  if (context.running_executor(ExecutorId(executor.executor_id().value())) == nullptr) {
    total += *resources;
  }
  if (!context.offered.Contains(total)) {
    return Fail(Code::kInvalid, "The task group needs {}, but the offers have only {}",
                total.ToString(), context.offered.ToString());
  }
  return {};
}

}  // namespace tepui::master::validation
