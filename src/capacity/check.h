#pragma once

#include <string>
#include <vector>

#include "capacity/simulation.h"

namespace tepui::capacity {

// What cannot go well with a workload under these settings: tasks that fit on no agent, more tasks
// than can be simulated, frameworks that never decide in time. Sentences that say where in the file
// and why; none if it can run.
std::vector<std::string> CheckWorkload(const Workload& workload, const Settings& settings);

}  // namespace tepui::capacity
