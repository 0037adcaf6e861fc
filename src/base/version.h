#pragma once

#include <string_view>

namespace tepui {

// Ours, and the Mesos version whose wire and behaviour we speak: the one that masters, agents and
// frameworks see.
inline constexpr std::string_view kVersion = TEPUI_VERSION;
inline constexpr std::string_view kMesosVersion = "1.11.0";

}  // namespace tepui
