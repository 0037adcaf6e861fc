#pragma once

#include "base/posix/file_descriptor.h"

namespace tepui {

// Takes the lock of an open file or directory, which goes with the process. False if another
// process has it. Waits a second: what an agent held that was killed, a process that it was just
// starting holds until it calls exec.
bool TakeLock(const FileDescriptor& file);

}  // namespace tepui
