// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>
#include <sys/types.h>

namespace tepui::shim {

// Returns when a process started, in clock ticks since the machine's boot (field 22 of
// /proc/<pid>/stat), or 0 if there is no such process. A pid and its start identify one process,
// even after the kernel reuses the pid.
uint64_t StartTicks(pid_t pid);

}  // namespace tepui::shim
