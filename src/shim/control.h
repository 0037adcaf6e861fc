// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/protocol.h"

namespace tepui::shim {

// The shim's side of its connections to agents, which come and go: the agent in control, and one
// that is connecting. Never blocks.
class Control {
 public:
  static constexpr int kPolled = 3;

  // `connection` leads to the agent that started this shim; `listener` is -1 if no other agent may
  // connect.
  Control(int connection, int listener) : connection_(connection), listener_(listener) {}

  // Sets what later agents get in Welcome.
  void SetTask(pid_t pid, uint64_t start_ticks);

  // FillPolled fills in the descriptors to poll; Receive, called when any of them is ready, accepts
  // and greets new agents.
  void FillPolled(pollfd* polled) const;
  void Receive(const pollfd* polled);

  // Reads the next command of the agent in control; returns false if there is none now.
  bool Next(Command* command);
  // Returns false if no agent is in control, or it is gone.
  bool Send(const Event& event);

  bool connected() const { return connection_ >= 0; }
  bool listening() const { return listener_ >= 0; }

 private:
  void Accept();
  void Greet();

  int connection_;
  const int listener_;
  int newcomer_ = -1;  // Has not sent Hello yet.
  pid_t task_ = 0;
  uint64_t task_start_ticks_ = 0;
};

}  // namespace tepui::shim
