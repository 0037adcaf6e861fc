// SPDX-License-Identifier: Apache-2.0
#include "api/operator/agent_calls.h"

#include <algorithm>
#include <array>

#include "api/operator/about.h"

namespace tepui::api {

namespace {

constexpr std::array<AgentEntry, 2> kCalls = {{
    {AgentApi::Call::GET_HEALTH, EverybodyMay<AgentApi>, GetHealth<AgentApi>},
    {AgentApi::Call::GET_VERSION, EverybodyMay<AgentApi>, GetVersion<AgentApi>},
}};

}  // namespace

const AgentEntry* AgentApi::Find(Call::Type type) {
  const auto found = std::ranges::find(kCalls, type, &AgentEntry::type);
  return found == kCalls.end() ? nullptr : &*found;
}

}  // namespace tepui::api
