// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/core/agent.h"

namespace tepui::api {

// The agent's v0 /state (reference 1.8).
std::string AgentStateJson(const agent::Options& options, const std::string& pid,
                           const std::vector<std::pair<std::string, std::string>>& flags,
                           const agent::AgentState& state);

}  // namespace tepui::api
