#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "master/records/records.h"
#include "mesos/v1/mesos.pb.h"
#include "wire/task_states.h"

namespace tepui::master {

// States and statuses as the master itself makes them (reference 2.6, 2.7). Pure.

// No later state follows.
using wire::IsTerminal;
bool IsTerminal(v1::OperationState state);

// What the framework is told for `state`, one of those that came with PARTITION_AWARE: itself or
// LOST (reference 2.2).
v1::TaskState StateFor(const Framework& framework, v1::TaskState state);

// Why the master tells a framework that a task is in `state`, whose agent it has removed.
v1::TaskStatus::Reason ReasonOfRemoval(v1::TaskState state);

double Seconds(WallTime time);

// A status from the master: source MASTER, no uuid, so nobody acknowledges it.
v1::TaskStatus MasterStatus(const std::string& task_id, const std::string& agent_id,
                            v1::TaskState state, v1::TaskStatus::Reason reason,
                            std::string_view message, WallTime now);

// Adds to `status` what is known of the task beyond its state: executor, health, check, container.
void AddTaskFacts(const v1::Task& task, v1::TaskStatus* status);

// The state the framework was told last or, if it was told none, the task's own; but that of an end
// it was not told yet is STAGING: the statuses before the end come first.
v1::TaskState ReportedState(const v1::Task& task);

// The master's record of a task as it is launched, in STAGING.
v1::Task MakeTask(const v1::TaskInfo& info, const v1::ExecutorInfo* executor,
                  const FrameworkId& framework);

}  // namespace tepui::master
