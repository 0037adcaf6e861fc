// SPDX-License-Identifier: Apache-2.0
#include "shim/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

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
  while (!no_children_ && !TimedOut()) {
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
    if (kill_on_disconnect_ && !control_.connected()) killing_ = true;
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
    ended_at_ = MonotonicSeconds();
    killing_ = true;
  }
}

void Watch::Obey(const Command& command) {
  if (command.type == Command::kKill) killing_ = true;
  // The task is not reaped yet, so the pid and the group that it leads are still the task's.
  if (command.type == Command::kSignal && !task_ended_) kill(-task_, command.signal);
}

// Kills the current children. The processes that they leave become children of this shim and are
// killed in the next round.
void Watch::KillChildren() {
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/task/%d/children", static_cast<int>(getpid()));
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (!task_ended_) KillChild(task_);
    return;
  }
  char buffer[4096];
  pid_t pid = 0;
  ssize_t size;
  while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
    for (ssize_t i = 0; i < size; ++i) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
      } else if (pid > 0) {
        KillChild(pid);
        pid = 0;
      }
    }
  }
  close(fd);
}

// Kills a child with its process group in one call, since that is the only way to outrun a fork
// bomb. The group is the task's, because all its sessions began with the task's own.
void Watch::KillChild(pid_t child) {
  pid_t group = getpgid(child);
  if (group > 0 && group != own_group_) kill(-group, SIGKILL);
  kill(child, SIGKILL);
}

bool Watch::TimedOut() { return task_ended_ && MonotonicSeconds() - ended_at_ > kSurvivorSeconds; }

}  // namespace tepui::shim
