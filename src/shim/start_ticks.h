#pragma once

#include <stdint.h>
#include <sys/types.h>

namespace tepui::shim {

// When a process started, in clock ticks since the machine's boot (field 22 of /proc/<pid>/stat).
// With it a pid names a process, not just whoever has the number. 0 if there is no such process.
uint64_t StartTicks(pid_t pid);

}  // namespace tepui::shim
