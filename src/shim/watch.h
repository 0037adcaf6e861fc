// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "shim/control.h"

namespace tepui::shim {

// What the shim does after the task has started: it reaps the task and all its orphans (the shim is
// their subreaper), executes the agent's commands while there is an agent, and kills what is left
// when the task's first process is gone, unless the agent has sent SIGTERM: then all processes have
// the time until kKill.
class Watch {
 public:
  // `signals` is a signalfd for SIGCHLD; `task` is a child.
  Watch(Control& control, int signals, pid_t task, bool kill_on_disconnect);

  // Returns the task's status, as returned by waitpid, when no process of the task is left; or when
  // its first process has ended and others have survived SIGKILL for kGiveUpSeconds (stuck in the
  // kernel).
  int UntilEnd();

 private:
  static constexpr int kGiveUpSeconds = 10;
  static constexpr int kRoundMilliseconds = 20;

  void Reap();
  void Obey(const Command& command);
  void BeginKilling();
  void KillChildren();
  void KillChild(pid_t child);
  bool GaveUp();

  Control& control_;
  const int signals_;
  const pid_t task_;
  const bool kill_on_disconnect_;
  pid_t own_group_;
  bool terminating_ = false;  // SIGTERM was sent.
  bool killing_ = false;      // Every process of the task is to be killed.
  bool task_ended_ = false;
  bool no_children_ = false;  // No child of any kind: no process of the task is left.
  int status_ = 0;
  time_t patience_since_ = 0;  // On the monotonic clock, once killing_ and task_ended_ are set.
};

}  // namespace tepui::shim
