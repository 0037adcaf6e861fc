// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "cli/servers/servers.h"
#include "server/master_server.h"

namespace tepui::bench {

// Formats log lines as a master does, but writes them nowhere.
void QuietLog();

// A MasterServer in a process of its own, on a port of 127.0.0.1 that the kernel chooses, so that
// its cost can be separated from that of the load. Must be constructed before any thread is
// started.
class ServerProcess {
 public:
  // The constructor sets ip and port of `options`.
  explicit ServerProcess(server::MasterServerOptions options,
                         int io_threads = cli::IoThreadCount());
  // Ends the process.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  // CPU time used so far by all its threads.
  double CpuSeconds() const;

 private:
  pid_t pid_ = -1;
  int life_ = -1;  // The child ends when this descriptor is closed.
  uint16_t port_ = 0;
};

}  // namespace tepui::bench
