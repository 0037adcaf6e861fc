#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "resources/resources.h"

namespace tepui::master::validation {

// The rules a framework's messages must obey (reference 2.1, 2.4, 2.5). Pure functions: they look at what they are
// given. Every failure is kInvalid with a sentence that tells a framework's author what is wrong with which thing.

// An id of a task, executor, framework...: not empty, at most 255 bytes, no "/" or control characters, not "." or "..".
Status ValidateId(const std::string& id, const std::string& what);

// A call's shape: the part its type names is there, ids are valid, uuids are 16 bytes (reference 1.2).
Status ValidateCall(const mesos::v1::scheduler::Call& call, const std::optional<std::string>& principal);

// A new framework (reference 2.1): roles by MULTI_ROLE, role names, failover timeout, offer filters, principal.
Status ValidateFramework(const v1::FrameworkInfo& info, const std::vector<std::string>& suppressed_roles,
                         bool root_submissions);
// What a known framework may change: everything but principal, user and checkpoint.
Status ValidateFrameworkUpdate(const v1::FrameworkInfo& old_info, const v1::FrameworkInfo& new_info);

std::vector<std::string> RolesOf(const v1::FrameworkInfo& info);
bool HasCapability(const v1::FrameworkInfo& info, v1::FrameworkInfo::Capability::Type capability);

// Where a task is to run, as the master knows it.
struct TaskContext {
  const v1::FrameworkInfo& framework;
  const v1::AgentInfo& agent;
  const std::vector<v1::AgentInfo::Capability::Type>& agent_capabilities;
  // What the accepted offers still hold, with allocation info.
  const Resources& offered;
  // Ids of the framework's live and unreachable tasks.
  std::function<bool(const TaskId&)> task_id_taken;
  // The framework's executor of that id on this agent, or null.
  std::function<const v1::ExecutorInfo*(const ExecutorId&)> running_executor;
};

Status ValidateTask(const v1::TaskInfo& task, const TaskContext& context);
// The executor and every task of a LAUNCH_GROUP.
Status ValidateTaskGroup(const v1::TaskGroupInfo& group, const v1::ExecutorInfo& executor, const TaskContext& context);

struct OperationContext {
  const v1::FrameworkInfo& framework;
  const v1::AgentInfo& agent;
  const std::vector<v1::AgentInfo::Capability::Type>& agent_capabilities;
  const Resources& offered;                       // As above.
  const std::optional<std::string>& principal;
  // Persistent volumes in use by tasks and executors of the agent, or by tasks launched earlier in this ACCEPT.
  const Resources& used_volumes;
  // All of the agent's volumes and reservations.
  const Resources& agent_total;
};

// Everything but LAUNCH and LAUNCH_GROUP (reference 2.4). CREATE_DISK and DESTROY_DISK need a resource provider and
// are refused while there is none.
Status ValidateOperation(const v1::Offer::Operation& operation, const OperationContext& context);

}  // namespace tepui::master::validation
