// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "master/records/records.h"
#include "mesos/v1/mesos.pb.h"
#include "model/states.h"

namespace tepui::master {

// Task states and statuses that the master itself makes (reference 2.6, 2.7). Pure functions.

using model::IsTerminal;

// Returns `state`, or LOST if the framework does not know it (model/states.h).
v1::TaskState StateFor(const Framework& framework, v1::TaskState state);

// Returns the reason for a status of `state` when the task's agent was removed.
v1::TaskStatus::Reason ReasonOfRemoval(v1::TaskState state);

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

}  // namespace tepui::master
