#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace tepui::cli {

// Blocks SIGINT, SIGTERM and SIGUSR1 and ignores SIGPIPE in this thread and those it starts. Call
// first of all in main.
void BlockSignals();
// Gives them back to the system, which ends the process: for commands that have nothing to end in
// order.
void UnblockSignals();

// "Terminated"; for the log.
std::string SignalName(int signal);

// Waits for a blocked signal or a word from another thread. One object a process; Wait on one
// thread only.
class SignalWait {
 public:
  SignalWait();
  ~SignalWait();
  SignalWait(const SignalWait&) = delete;
  SignalWait& operator=(const SignalWait&) = delete;

  // The signal's number; 0 after Wake; nothing after `timeout`.
  std::optional<int> Wait(std::optional<Duration> timeout = std::nullopt);

  // Ends this or the next Wait. Thread-safe.
  void Wake();

 private:
  int signal_fd_;
  int wake_fd_;
};

}  // namespace tepui::cli
