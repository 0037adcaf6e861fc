// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "container/disk.h"

namespace tepui::agent {

// The frameworks that the agent holds, their executors, and the run of each.
using LiveRuns = std::unordered_map<FrameworkId, std::unordered_map<ExecutorId, ContainerId>>;

struct OldSandbox {
  std::string path;
  WallTime modified;  // The newest time of what is directly in it and in the sandboxes below.
};

// Returns the directories of other agents below `work_dir`, and those of this agent's frameworks,
// executors and runs that `live` does not use; least recently changed first. Blocks while it reads
// directories.
std::vector<OldSandbox> FindOldSandboxes(containers::Disk& disk, const std::string& work_dir,
                                         const AgentId& agent, const LiveRuns& live);

}  // namespace tepui::agent
