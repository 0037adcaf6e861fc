#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/agent.h"

namespace tepui::http {

// The agent's v0 /state (reference 1.8).
std::string AgentStateJson(const agent::Options& options, const std::string& pid,
                           const std::vector<std::pair<std::string, std::string>>& flags,
                           const agent::Agent::State& state);

}  // namespace tepui::http
