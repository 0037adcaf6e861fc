// SPDX-License-Identifier: Apache-2.0
#include "server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "base/log.h"

namespace tepui::bench {

namespace {

[[noreturn]] void Serve(server::MasterServerOptions options, int io_threads, int port_end,
                        int life_end) {
  QuietLog();
  net::IoThreads threads(io_threads);
  options.ip = "127.0.0.1";
  options.port = 0;
  const auto server = server::MasterServer::Start(threads, std::move(options));
  if (!server) _exit(1);
  const uint16_t port = (*server)->port();
  if (::write(port_end, &port, sizeof(port)) != sizeof(port)) _exit(1);
  char byte;
  while (::read(life_end, &byte, 1) > 0) {
  }
  _exit(0);
}

}  // namespace

void QuietLog() {
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(null, STDERR_FILENO);
  ::close(null);
  (void)SetUpLog({});
}

ServerProcess::ServerProcess(server::MasterServerOptions options, int io_threads) {
  int port[2], life[2];
  if (::pipe2(port, O_CLOEXEC) != 0 || ::pipe2(life, O_CLOEXEC) != 0) std::abort();
  std::fflush(stdout);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(port[0]);
    ::close(life[1]);
    Serve(std::move(options), io_threads, port[1], life[0]);
  }
  ::close(port[1]);
  ::close(life[0]);
  life_ = life[1];
  const bool started = ::read(port[0], &port_, sizeof(port_)) == sizeof(port_);
  ::close(port[0]);
  if (started) return;
  std::fprintf(stderr, "The master did not start\n");
  std::exit(1);
}

ServerProcess::~ServerProcess() {
  ::close(life_);
  ::waitpid(pid_, nullptr, 0);
}

double ServerProcess::CpuSeconds() const {
  std::ifstream file(fmt::format("/proc/{}/stat", pid_));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // Fields 14 and 15, counted from behind the name, which may contain anything.
  long user = 0, system = 0;
  if (std::sscanf(text.c_str() + text.rfind(')') + 1,
                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) != 2) {
    return 0;
  }
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace tepui::bench
