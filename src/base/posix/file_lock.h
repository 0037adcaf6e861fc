// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/posix/file_descriptor.h"

namespace tepui {

// Locks an open file or directory; the lock ends with the process. Returns false, with errno set,
// if that fails for a second; EWOULDBLOCK means that another process holds the lock. The wait is
// for a killed agent's child: a process that the agent was just starting holds the agent's locks
// until it calls exec.
bool TakeLock(const FileDescriptor& file);

}  // namespace tepui
