// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bugs planted on purpose, to show that the checks of the simulator can fail (src/sim/planted,
// docs/testing/simulator.md). Each is a bug that a person could write. No shipped program contains
// any of them: TEPUI_PLANTED_FAULT is false there, so the code that depends on it is not compiled.
// In a build with -DTEPUI_PLANTED_FAULTS the test chooses which one is on.
#ifdef TEPUI_PLANTED_FAULTS

#include <string_view>

namespace tepui {

// Defined by the test.
bool PlantedFault(std::string_view name);

}  // namespace tepui

#define TEPUI_PLANTED_FAULT(name) ::tepui::PlantedFault(name)

#else

#define TEPUI_PLANTED_FAULT(name) false

#endif
