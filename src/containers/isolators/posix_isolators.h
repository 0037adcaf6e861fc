#pragma once

#include <vector>

#include "base/clock.h"
#include "container/isolator.h"

namespace tepui::containers {

// What the processes below a shim use together, from /proc. Those that end while it is read are
// left out.
struct ProcessUsage {
  uint32_t processes = 0;
  uint32_t threads = 0;
  double user_seconds = 0;  // Of the processes that live, and of those they have waited for.
  double system_seconds = 0;
  uint64_t resident_bytes = 0;
};
ProcessUsage UsageBelow(pid_t shim);

// The pids of all processes below a shim, its children first.
std::vector<pid_t> ProcessesBelow(pid_t shim);

// Those of them that have not ended; zombies have.
std::vector<pid_t> LiveProcessesBelow(pid_t shim);

// SIGKILL to all of them; those that do not end within `patience`. Blocks.
std::vector<pid_t> KillProcessesBelow(pid_t shim, Duration patience);

// posix/cpu: no limit; cpu time, processes and threads in the usage.
class PosixCpuIsolator final : public Isolator {
 public:
  std::string_view name() const override { return "posix/cpu"; }
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;
};

// posix/mem: no limit; resident memory in the usage.
class PosixMemoryIsolator final : public Isolator {
 public:
  std::string_view name() const override { return "posix/mem"; }
  void Usage(const ContainerId& id, pid_t shim, v1::ResourceStatistics* statistics) override;
};

// linux/nnp: the task's processes can gain no privilege by exec (setuid programs, file
// capabilities).
class NoNewPrivilegesIsolator final : public Isolator {
 public:
  std::string_view name() const override { return "linux/nnp"; }
  void Isolate(const ContainerId&, const Demand&, shim::Launch* launch) override {
    launch->no_new_privileges = true;
  }
};

}  // namespace tepui::containers
