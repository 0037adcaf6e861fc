// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "sim/run/run.h"

namespace tepui::sim {

// Calls `run` in a process of its own, so that a core which asserts, crashes or never ends is a
// violation of its run ("no-crash") and does not end the caller. `limit` is real time. Output of
// `run` on stderr is lost except the last line, which names the reason of a crash. The calling
// process must have no threads.
RunResult Isolated(const std::function<RunResult()>& run, Duration limit);

// Like Isolated, for Run.
RunResult RunIsolated(const RunSpec& spec, Duration limit);

}  // namespace tepui::sim
