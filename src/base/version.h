// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace tepui {

// Our version, and the version of Mesos whose protocol and behaviour we implement. Masters, agents
// and frameworks see the latter.
inline constexpr std::string_view kVersion = TEPUI_VERSION;
inline constexpr std::string_view kMesosVersion = "1.11.0";

}  // namespace tepui
