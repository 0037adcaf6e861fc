// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "master/records/records.h"
#include "mesos/v1/mesos.pb.h"
#include "wire/task_states.h"

namespace tepui::master {

// Task states and statuses that the master itself makes (reference 2.6, 2.7). Pure functions.

// Returns true if no later state can follow.
using wire::IsTerminal;
bool IsTerminal(v1::OperationState state);

// `state` must be one of those introduced with PARTITION_AWARE. Returns it if the framework is
// partition-aware, else LOST (reference 2.2).
v1::TaskState StateFor(const Framework& framework, v1::TaskState state);

// Returns the reason for a status of `state` when the task's agent was removed.
v1::TaskStatus::Reason ReasonOfRemoval(v1::TaskState state);

double Seconds(WallTime time);

// A status from the master: source MASTER, without uuid, so it is not acknowledged.
v1::TaskStatus MasterStatus(const std::string& task_id, const std::string& agent_id,
                            v1::TaskState state, v1::TaskStatus::Reason reason,
                            std::string_view message, WallTime now);

// Adds to `status` what is known of the task besides its state: executor, health, check, container.
void AddTaskFacts(const v1::Task& task, v1::TaskStatus* status);

// Returns the state that was last reported to the framework or, if none was, the task's own. A
// terminal state that was not reported yet counts as STAGING, because the statuses before it come
// first.
v1::TaskState ReportedState(const v1::Task& task);

// Makes the master's record of a task that is being launched, in STAGING.
v1::Task MakeTask(const v1::TaskInfo& info, const v1::ExecutorInfo* executor,
                  const FrameworkId& framework);

}  // namespace tepui::master
