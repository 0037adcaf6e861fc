#pragma once

#include "agent/core/agent.h"

namespace tepui::agent {

// Whether an agent that was `before` may go on as `now` (reference 5.1): its tasks, and the master,
// rely on what it said of itself. The error says what differs and what to do.
Status CheckReconfiguration(const v1::AgentInfo& before, const v1::AgentInfo& now,
                            Options::Reconfiguration policy);

}  // namespace tepui::agent
