#pragma once

#include <functional>

#include "sim/run/run.h"

namespace tepui::sim {

// Calls `run` in a process of its own, so that a core which asserts, crashes or never ends is a
// violation of its run ("no-crash") and not the end of the caller. `limit` is real time. What `run`
// writes on stderr is lost but for the last line, which says why it crashed. Not with threads in
// the calling process.
RunResult Isolated(const std::function<RunResult()>& run, Duration limit);

// So Run.
RunResult RunIsolated(const RunSpec& spec, Duration limit);

}  // namespace tepui::sim
