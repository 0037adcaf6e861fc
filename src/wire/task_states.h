// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mesos/v1/mesos.pb.h"

namespace tepui::wire {

// Returns true if no later state can follow (reference 2.6). LOST counts as terminal: such a task
// revives only when its agent returns to its master.
bool IsTerminal(mesos::v1::TaskState state);

// Adds `status` to the task's history, which keeps the newest status of each run of equal states,
// without what an executor attached for its framework alone. Executors may report statuses of any
// number and size, and each subscription of an agent carries the histories of its tasks. So beyond
// 64 statuses or 64 KiB the oldest are dropped.
void AddToHistory(const mesos::v1::TaskStatus& status, mesos::v1::Task* task);

}  // namespace tepui::wire
