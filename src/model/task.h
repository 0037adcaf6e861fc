// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::model {

namespace v1 = ::mesos::v1;

// Makes the record of a task that is being launched, in STAGING, for masters, agents and the
// documents of both. `executor` is the one that the framework names, in the task or with its group;
// null for a command task. The task's user is that of its command or else of its executor's.
v1::Task MakeTask(const v1::TaskInfo& info, const v1::ExecutorInfo* executor,
                  const FrameworkId& framework);

// Makes a status that master or agent report for themselves (reference 2.7): without uuid, agent
// and timestamp.
v1::TaskStatus MakeStatus(v1::TaskStatus::Source source, const std::string& task,
                          v1::TaskState state, v1::TaskStatus::Reason reason,
                          std::string_view message);

// Adds `status` to the task's history, which keeps the newest status of each run of equal states,
// without what an executor attached for its framework alone. Executors may report statuses of any
// number and size, and each subscription of an agent carries the histories of its tasks. So beyond
// 64 statuses or 64 KiB the oldest are dropped.
void AddToHistory(const v1::TaskStatus& status, v1::Task* task);

}  // namespace tepui::model
