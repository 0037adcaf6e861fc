// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

namespace tepui::shim {

// Calls `each` with a pid and `context` for each child that the thread `thread` of the process
// `parent` has now. Returns false if the kernel does not list them, or the thread is gone.
// Allocates nothing.
bool ForEachChild(pid_t parent, pid_t thread, void (*each)(pid_t child, void* context),
                  void* context);

// Sends `signal` to every process below this one. They are stopped until all have been found, as
// Mesos does, so that none starts another one unseen, and what a handler of the signal starts does
// not get the signal too. Returns false if none can be found.
bool SignalDescendants(int signal);

}  // namespace tepui::shim
