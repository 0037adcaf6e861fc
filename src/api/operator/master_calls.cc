// SPDX-License-Identifier: Apache-2.0
#include "api/operator/master_calls.h"

#include <algorithm>
#include <array>

#include "api/operator/about.h"

namespace tepui::api {

namespace {

constexpr std::array<MasterEntry, 2> kAboutCalls = {{
    {MasterApi::Call::GET_HEALTH, EverybodyMay<MasterApi>, GetHealth<MasterApi>},
    {MasterApi::Call::GET_VERSION, EverybodyMay<MasterApi>, GetVersion<MasterApi>},
}};

}  // namespace

const MasterEntry* MasterApi::Find(Call::Type type) {
  for (const std::span<const MasterEntry> subject :
       {std::span<const MasterEntry>(kAboutCalls), AgentCalls(), FrameworkCalls()}) {
    const auto found = std::ranges::find(subject, type, &MasterEntry::type);
    if (found != subject.end()) return &*found;
  }
  return nullptr;
}

}  // namespace tepui::api
