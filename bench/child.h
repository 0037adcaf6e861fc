// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "report.h"

namespace tepui::bench {

// Runs `measure` in a child process, so that its peak memory is its own and no measurement uses the
// heap of the one before, and returns its result; adds the facts "peak_mib" and "cpu_s". Ends the
// program if the child fails. Must be called before any thread is started.
double MeasureInChild(Measurement* measurement, const std::function<double(Measurement*)>& measure);

// Bytes that this process has allocated on the heap and not freed.
double HeapInUse();
// Resident memory of a process in MiB.
double ResidentMib(int pid);

}  // namespace tepui::bench
