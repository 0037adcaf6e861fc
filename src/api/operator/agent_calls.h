// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "agent/core/agent.h"
#include "api/operator/operator_api.h"
#include "mesos/v1/agent/agent.pb.h"

namespace tepui::api {

// Calls of operators to an agent (reference 1.5). Reads see a copy of the agent's state.
struct AgentApi {
  using Call = mesos::v1::agent::Call;
  using Response = mesos::v1::agent::Response;
  using View = agent::AgentState;
  using Core = agent::Agent;
  static constexpr std::string_view kServer = "agent";

  // Returns null for types that are not served.
  static const OperatorEntry<AgentApi>* Find(Call::Type type);
};

using AgentEntry = OperatorEntry<AgentApi>;

}  // namespace tepui::api
