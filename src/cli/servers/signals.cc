// SPDX-License-Identifier: Apache-2.0
#include "cli/servers/signals.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "base/log.h"

namespace tepui::cli {
namespace {

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals, number);
  return signals;
}

}  // namespace

void BlockSignals() {
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void UnblockSignals() {
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_DFL);
}

std::string SignalName(int signal) {
  const char* name = sigdescr_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal) : name;
}

SignalWait::SignalWait() {
  const sigset_t signals = HandledSignals();
  signal_fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_CLOEXEC);
  if (signal_fd_ < 0 || wake_fd_ < 0) {
    spdlog::critical("Cannot wait for signals: no file descriptors are left");
    _exit(1);
  }
}

SignalWait::~SignalWait() {
  close(signal_fd_);
  close(wake_fd_);
}

std::optional<int> SignalWait::Wait(std::optional<Duration> timeout) {
  std::array<pollfd, 2> waits = {{{.fd = signal_fd_, .events = POLLIN, .revents = 0},
                                  {.fd = wake_fd_, .events = POLLIN, .revents = 0}}};
  const auto deadline = std::chrono::steady_clock::now() + timeout.value_or(Duration::zero());
  while (true) {
    int milliseconds = -1;
    if (timeout) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return std::nullopt;
      milliseconds = static_cast<int>(std::min<int64_t>(left.count(), 60'000));
    }
    if (poll(waits.data(), waits.size(), milliseconds) <= 0) continue;
    if (waits[0].revents != 0) {
      signalfd_siginfo info{};
      if (read(signal_fd_, &info, sizeof(info)) == sizeof(info))
        return static_cast<int>(info.ssi_signo);
    }
    if (waits[1].revents != 0) {
      uint64_t count = 0;
      if (read(wake_fd_, &count, sizeof(count)) == sizeof(count)) return 0;
    }
  }
}

void SignalWait::Wake() {
  const uint64_t one = 1;
  // Can only fail if 2^64 wakes are pending.
  static_cast<void>(!write(wake_fd_, &one, sizeof(one)));
}

}  // namespace tepui::cli
