// SPDX-License-Identifier: Apache-2.0
#include "api/operator/master_calls.h"

#include "api/operator/about.h"

namespace tepui::api {

const MasterEntry* MasterApi::Find(Call::Type type) {
  return FindEntry<MasterApi>({kAboutCalls<MasterApi>, AgentCalls(), FrameworkCalls()}, type);
}

}  // namespace tepui::api
