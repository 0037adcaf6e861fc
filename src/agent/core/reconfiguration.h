// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/agent.h"

namespace tepui::agent {

// Fails if an agent that registered as `before` must not go on as `now` (reference 5.1), because
// its tasks and the master rely on what it was. The error states what differs and what to do.
Status CheckReconfiguration(const v1::AgentInfo& before, const v1::AgentInfo& now,
                            Options::Reconfiguration policy);

}  // namespace tepui::agent
