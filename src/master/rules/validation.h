// SPDX-License-Identifier: Apache-2.0
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
#include "tepui/link.pb.h"

namespace tepui::master::validation {

// The rules for a framework's messages (reference 2.1, 2.4, 2.5) and for an agent's subscription.
// Pure functions of their arguments. Every failure is kInvalid with a sentence that names for a
// framework's author what is wrong with which thing.
//
// Tasks and operations must be in the master's own form: with normalized resources
// (resource_form.h), and with the executor's framework id and a health check's type filled in where
// the framework left them out.

// Checks the id of a task, executor, framework...: not empty, at most 255 bytes, no slash,
// backslash or control character, not "." or "..". `what` begins the sentence ("Framework id").
Status ValidateId(const std::string& id, const std::string& what);

// Checks a call's shape: the part that its type names is there, uuids are 16 bytes, the principal
// is the authenticated one (reference 1.2). Ids are not checked: one that cannot exist is simply
// unknown. A call of type UNKNOWN is valid.
Status ValidateCall(const mesos::v1::scheduler::Call& call,
                    const std::optional<std::string>& principal);

// Checks a new framework (reference 2.1): roles by MULTI_ROLE, role names, failover timeout, offer
// filters, principal.
Status ValidateFramework(const v1::FrameworkInfo& info,
                         const std::vector<std::string>& suppressed_roles, bool root_submissions);
// Checks an agent's SUBSCRIBE: ids are valid, and references inside the message can be resolved.
Status ValidateSubscription(const link::Call::Subscribe& subscribe);
// Checks what a known framework may change: everything but principal, user and checkpoint.
Status ValidateFrameworkUpdate(const v1::FrameworkInfo& old_info,
                               const v1::FrameworkInfo& new_info);

// Where a task will run, as the master knows it.
struct TaskContext {
  const v1::FrameworkInfo& framework;
  const v1::AgentInfo& agent;
  const std::vector<v1::AgentInfo::Capability::Type>& agent_capabilities;
  // The part of the accepted offers that is left, with allocation info.
  const Resources& offered;
  // Ids of the framework's live and unreachable tasks.
  std::function<bool(const TaskId&)> task_id_taken;
  // Returns the framework's executor of that id on this agent, or null.
  std::function<const v1::ExecutorInfo*(const ExecutorId&)> running_executor;
  // Returns whether the live tasks of that executor on this agent share its cgroups
  // (SharesCgroups); nothing if it has none. May be left empty for LAUNCH.
  std::function<std::optional<bool>(const ExecutorId&)> executor_shares_cgroups = {};
};

// Returns true unless `container` requests cgroups of its own. Null means no container.
bool SharesCgroups(const v1::ContainerInfo* container);

// Checks a task of a LAUNCH, and its executor if it has one.
Status ValidateTask(const v1::TaskInfo& task, const TaskContext& context);
// Checks the executor and every task of a LAUNCH_GROUP.
Status ValidateTaskGroup(const v1::TaskGroupInfo& group, const v1::ExecutorInfo& executor,
                         const TaskContext& context);

struct OperationContext {
  const v1::FrameworkInfo& framework;
  const v1::AgentInfo& agent;
  const std::vector<v1::AgentInfo::Capability::Type>& agent_capabilities;
  const Resources& offered;  // The part of the accepted offers that is left, with allocation info.
  // The framework's principal. Reservations and volumes that it makes must carry it.
  const std::optional<std::string>& principal;
  // Persistent volumes in use by tasks and executors of the agent, or by tasks launched earlier in
  // this ACCEPT.
  const Resources& used_volumes;
  // All of the agent's volumes and reservations.
  const Resources& agent_total;
};

// Checks only the shape of LAUNCH and LAUNCH_GROUP, because the functions above check their tasks.
// Checks all other operations in full (reference 2.4): if one is valid, Apply on `offered`
// succeeds. CREATE_DISK and DESTROY_DISK need a resource provider and are refused while there is
// none.
Status ValidateOperation(const v1::Offer::Operation& operation, const OperationContext& context);

}  // namespace tepui::master::validation
