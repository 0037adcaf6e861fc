#pragma once

#include <sys/types.h>

#include <cstdint>

#include "cli/servers/servers.h"
#include "server/master_server.h"

namespace tepui::bench {

// Logs as a master does, into nowhere.
void QuietLog();

// A MasterServer in a process of its own, on a port of 127.0.0.1 that the kernel chooses, so that
// what it costs can be told from what the load costs. Construct it before any thread is started.
class ServerProcess {
 public:
  // `options`: ip and port are set here.
  explicit ServerProcess(server::MasterServerOptions options,
                         int io_threads = cli::IoThreadCount());
  // Ends it.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  // Used so far, by all its threads.
  double CpuSeconds() const;

 private:
  pid_t pid_ = -1;
  int life_ = -1;  // The child ends when this is closed.
  uint16_t port_ = 0;
};

}  // namespace tepui::bench
