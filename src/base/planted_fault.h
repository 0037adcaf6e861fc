#pragma once

// Bugs planted on purpose, to show that the checks of the simulator can fail
// (src/sim/planted, docs/testing/simulator.md). Each is one a person could write. None exists in
// any program that is shipped: TEPUI_PLANTED_FAULT is false there, and what depends on it is not
// compiled into anything. In what is compiled with -DTEPUI_PLANTED_FAULTS the test says which one
// is on.
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
