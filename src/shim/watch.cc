// SPDX-License-Identifier: Apache-2.0
#include "shim/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/children.h"

namespace tepui::shim {
namespace {

time_t MonotonicSeconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

}  // namespace

Watch::Watch(Control& control, int signals, pid_t task, bool kill_on_disconnect)
    : control_(control),
      signals_(signals),
      task_(task),
      kill_on_disconnect_(kill_on_disconnect),
      own_group_(getpgrp()) {}

int Watch::UntilEnd() {
  Reap();  // The task may have ended before the signal could be read.
  while (!no_children_ && !GaveUp()) {
    if (killing_) KillChildren();
    pollfd ready[1 + Control::kPolled] = {{signals_, POLLIN, 0}};
    control_.FillPolled(ready + 1);
    if (poll(ready, 1 + Control::kPolled, killing_ ? kRoundMilliseconds : -1) < 0) continue;
    if (ready[0].revents != 0) {
      signalfd_siginfo ignored;
      (void)!read(signals_, &ignored, sizeof(ignored));
    }
    Reap();
    control_.Receive(ready + 1);
    Command command;
    while (control_.Next(&command)) Obey(command);
    if (kill_on_disconnect_ && !control_.connected() && !killing_) BeginKilling();
  }
  return status_;
}

void Watch::Reap() {
  while (true) {
    int status = 0;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid == 0) return;
    if (pid < 0) {
      if (errno == EINTR) continue;
      no_children_ = true;
      return;
    }
    if (pid != task_) continue;
    task_ended_ = true;
    status_ = status;
    if (killing_ || !terminating_) BeginKilling();
  }
}

void Watch::BeginKilling() {
  killing_ = true;
  patience_since_ = MonotonicSeconds();
}

void Watch::Obey(const Command& command) {
  if (command.type == Command::kKill && !killing_) BeginKilling();
  if (command.type != Command::kSignal || killing_) return;
  // A task that is not reaped yet still has its pid, and the group that it leads.
  if (!SignalDescendants(command.signal) && !task_ended_) kill(-task_, command.signal);
  terminating_ = terminating_ || command.signal == SIGTERM;
}

// Kills the current children. The processes that they leave become children of this shim and are
// killed in the next round.
void Watch::KillChildren() {
  const auto kill_child = [](pid_t child, void* self) {
    static_cast<Watch*>(self)->KillChild(child);
  };
  if (!ForEachChild(getpid(), getpid(), kill_child, this) && !task_ended_) KillChild(task_);
}

// Kills a child with its process group in one call, since that is the only way to outrun a fork
// bomb. The group is the task's, because all its sessions began with the task's own.
void Watch::KillChild(pid_t child) {
  pid_t group = getpgid(child);
  if (group > 0 && group != own_group_) kill(-group, SIGKILL);
  kill(child, SIGKILL);
}

bool Watch::GaveUp() {
  return task_ended_ && killing_ && MonotonicSeconds() - patience_since_ > kGiveUpSeconds;
}

}  // namespace tepui::shim
