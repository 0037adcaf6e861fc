// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>

#include "mesos/v1/mesos.pb.h"

namespace tepui::model {

namespace v1 = ::mesos::v1;

// What frameworks and agents declare that they can do (reference 2.2).

bool HasCapability(const v1::FrameworkInfo& framework,
                   v1::FrameworkInfo::Capability::Type capability);

// `capabilities` are those of an agent.
bool HasCapability(std::span<const v1::AgentInfo::Capability::Type> capabilities,
                   v1::AgentInfo::Capability::Type capability);

// The capabilities of this version's agent.
inline constexpr std::array kAgentCapabilities{
    v1::AgentInfo::Capability::MULTI_ROLE,
    v1::AgentInfo::Capability::HIERARCHICAL_ROLE,
    v1::AgentInfo::Capability::RESERVATION_REFINEMENT,
    v1::AgentInfo::Capability::RESOURCE_PROVIDER,
    v1::AgentInfo::Capability::RESIZE_VOLUME,
    v1::AgentInfo::Capability::AGENT_OPERATION_FEEDBACK,
    v1::AgentInfo::Capability::TASK_RESOURCE_LIMITS,
};

}  // namespace tepui::model
