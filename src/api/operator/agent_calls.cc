// SPDX-License-Identifier: Apache-2.0
#include "api/operator/agent_calls.h"

#include "api/operator/about.h"

namespace tepui::api {

const AgentEntry* AgentApi::Find(Call::Type type) {
  return FindEntry<AgentApi>({kAboutCalls<AgentApi>}, type);
}

}  // namespace tepui::api
