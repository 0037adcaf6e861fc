#pragma once

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "shim/control.h"

namespace tepui::shim {

// The shim's life after the task has started: reaps the task and every orphan of it (the shim is
// their subreaper), obeys the agent's commands while there is an agent, and ends what is left when
// the task's first process is gone.
class Watch {
 public:
  // `signals` is a signalfd for SIGCHLD; `task` is a child.
  Watch(Control& control, int signals, pid_t task, bool kill_on_disconnect);

  // Returns the task's status, as waitpid gives it, when nothing of the task is left; or when its
  // first process has ended and what it left has outlived SIGKILL for kGiveUpSeconds (stuck in the
  // kernel).
  int UntilEnd();

 private:
  static constexpr int kGiveUpSeconds = 10;
  static constexpr int kRoundMilliseconds = 20;

  void Reap();
  void Obey(const Command& command);
  void KillChildren();
  void KillChild(pid_t child);
  bool GaveUp();

  Control& control_;
  const int signals_;
  const pid_t task_;
  const bool kill_on_disconnect_;
  pid_t own_group_;
  bool killing_ = false;  // Nothing of the task shall live on.
  bool task_ended_ = false;
  bool no_children_ = false;  // Of any kind: nothing of the task is left.
  int status_ = 0;
  time_t ended_at_ = 0;  // Of the monotonic clock, when task_ended_.
};

}  // namespace tepui::shim
