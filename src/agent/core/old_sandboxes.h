#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/executors/executor.h"

namespace tepui::agent {

using Frameworks = std::unordered_map<FrameworkId, std::unique_ptr<Framework>>;

struct OldSandbox {
  std::string path;
  WallTime modified;  // Of what is directly in it, and in the sandboxes below.
};

// The directories of agents, frameworks, executors and runs below `work_dir` that are not of this
// agent and what is `live` on it; those changed longest ago first. Reads directories at once.
std::vector<OldSandbox> FindOldSandboxes(containers::Disk& disk, const std::string& work_dir,
                                         const AgentId& agent, const Frameworks& live);

}  // namespace tepui::agent
