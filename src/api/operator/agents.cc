// SPDX-License-Identifier: Apache-2.0
// Calls about agents.

#include <array>

#include "api/operator/master_calls.h"

namespace tepui::api {

namespace {

void MarkAgentGone(const MasterCall& call, master::Master& master, MasterEntry::Reply reply) {
  master.MarkAgentGone(call.caller, AgentId(call.call.mark_agent_gone().agent_id().value()),
                       WithoutBody<MasterApi>(std::move(reply)));
}

constexpr std::array<MasterEntry, 1> kCalls = {{
    {MasterApi::Call::MARK_AGENT_GONE, EverybodyMay<MasterApi>, MarkAgentGone},
}};

}  // namespace

std::span<const MasterEntry> AgentCalls() { return kCalls; }

}  // namespace tepui::api
