#pragma once

#include "mesos/v1/mesos.pb.h"

namespace tepui::wire {

// No later state follows (reference 2.6). LOST counts: only an agent that returns to its master
// revives such a task.
bool IsTerminal(mesos::v1::TaskState state);

}  // namespace tepui::wire
