#pragma once

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/protocol.h"

namespace tepui::shim {

// The shim's side of the agents that come and go: who is in control, and who comes to be. Never
// blocks.
class Control {
 public:
  static constexpr int kPolled = 3;

  // `connection` is to the agent that started us, `listener` is -1 if no other is to come.
  Control(int connection, int listener) : connection_(connection), listener_(listener) {}

  // For who comes later.
  void SetTask(pid_t pid, uint64_t start_ticks);

  // Fills what is to be polled; then, when something of it is ready, receives who came.
  void FillPolled(pollfd* polled) const;
  void Receive(const pollfd* polled);

  // The next command of the agent in control; false if there is none now.
  bool Next(Command* command);
  // False if nobody is in control, or he is gone.
  bool Send(const Event& event);

  bool connected() const { return connection_ >= 0; }
  bool listening() const { return listener_ >= 0; }

 private:
  void Accept();
  void Greet();

  int connection_;
  const int listener_;
  int newcomer_ = -1;  // Has not said hello.
  pid_t task_ = 0;
  uint64_t task_start_ticks_ = 0;
};

}  // namespace tepui::shim
