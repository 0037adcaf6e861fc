#pragma once

#include "sim/run.h"

namespace tepui::sim {

// Run in a process of its own, so that a core which asserts, crashes or never ends is a violation
// of its run ("no-crash") and not the end of the caller's. `limit` is real time. Not with threads
// in the calling process.
RunResult RunIsolated(const RunSpec& spec, Duration limit);

}  // namespace tepui::sim
