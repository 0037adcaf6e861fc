// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/clock.h"
#include "container/isolator.h"

namespace tepui::containers {

// The total usage of the processes below a shim, from /proc. Processes that end while it is read
// are left out.
struct ProcessUsage {
  uint32_t processes = 0;
  uint32_t threads = 0;
  double user_seconds = 0;  // Used by live processes and by those that they have reaped.
  double system_seconds = 0;
  uint64_t resident_bytes = 0;
};
ProcessUsage UsageBelow(pid_t shim);

// Returns the pids of all processes below a shim, its children first.
std::vector<pid_t> ProcessesBelow(pid_t shim);

// Like ProcessesBelow, without zombies.
std::vector<pid_t> LiveProcessesBelow(pid_t shim);

// Sends SIGKILL to all of them and returns those that do not end within `patience`. Blocks.
std::vector<pid_t> KillProcessesBelow(pid_t shim, Duration patience);

// posix/cpu: sets no limit; reports cpu time, processes and threads.
class PosixCpuIsolator final : public Isolator {
 public:
  std::string_view name() const override { return "posix/cpu"; }
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;
};

// posix/mem: sets no limit; reports resident memory.
class PosixMemoryIsolator final : public Isolator {
 public:
  std::string_view name() const override { return "posix/mem"; }
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;
};

}  // namespace tepui::containers
