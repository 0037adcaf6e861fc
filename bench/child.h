#pragma once

#include <functional>

#include "report.h"

namespace tepui::bench {

// Runs `measure` in a child, so that its peak memory is its own and no measurement finds the heap
// of the one before, and returns what it returned; its facts get "peak_mib" and "cpu_s". Ends the
// program if the child fails. Call it before any thread is started.
double MeasureInChild(Measurement* measurement, const std::function<double(Measurement*)>& measure);

// Bytes that the heap has given out to this process and not got back.
double HeapInUse();
// Resident memory of a process in MiB.
double ResidentMib(int pid);

}  // namespace tepui::bench
