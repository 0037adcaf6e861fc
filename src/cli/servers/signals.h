// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace tepui::cli {

// Blocks SIGINT, SIGTERM and SIGUSR1 and ignores SIGPIPE in this thread and those it starts. Must
// be called first in main.
void BlockSignals();
// Unblocks them, so that they end the process: for commands that need no orderly end.
void UnblockSignals();

// The name for the log, such as "Terminated".
std::string SignalName(int signal);

// Waits for a blocked signal or a call of Wake from another thread. One object per process; Wait
// must be called on one thread only.
class SignalWait {
 public:
  SignalWait();
  ~SignalWait();
  SignalWait(const SignalWait&) = delete;
  SignalWait& operator=(const SignalWait&) = delete;

  // Returns the signal's number; 0 after Wake; nothing after `timeout`.
  std::optional<int> Wait(std::optional<Duration> timeout = std::nullopt);

  // Ends the current or the next Wait. Thread-safe.
  void Wake();

 private:
  int signal_fd_;
  int wake_fd_;
};

}  // namespace tepui::cli
