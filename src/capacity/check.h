// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "capacity/simulation.h"

namespace tepui::capacity {

// Finds what must fail for a workload under these settings: tasks that fit on no agent, more tasks
// than can be simulated, frameworks that never decide in time. Each sentence names the place in the
// file and the reason; there is none if the workload can run.
std::vector<std::string> CheckWorkload(const Workload& workload, const Settings& settings);

}  // namespace tepui::capacity
