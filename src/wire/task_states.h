#pragma once

#include "mesos/v1/mesos.pb.h"

namespace tepui::wire {

// No later state follows (reference 2.6). LOST counts: only an agent that returns to its master
// revives such a task.
bool IsTerminal(mesos::v1::TaskState state);

// Adds `status` to the task's history, which holds the newest status of each run of equal states,
// without what an executor attached for its framework alone. An executor may report any number of
// any size, and each subscription of an agent carries the histories of its tasks: the oldest go
// beyond 64 statuses or 64 KiB.
void AddToHistory(const mesos::v1::TaskStatus& status, mesos::v1::Task* task);

}  // namespace tepui::wire
