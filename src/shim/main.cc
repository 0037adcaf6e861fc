// SPDX-License-Identifier: Apache-2.0
// tepui-shim holds one task. The agent starts it with its control socket as descriptor 3 and a
// listening socket as descriptor 4; protocol.h describes the messages, and README.md explains why
// this is a program of its own.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/control.h"
#include "shim/decode.h"
#include "shim/start_ticks.h"
#include "shim/task.h"
#include "shim/watch.h"

namespace tepui::shim {
namespace {

constexpr int kBacklog = 8;
constexpr int kRetryMilliseconds = 5000;

// Detaches from everything of the agent: its session, working directory, files, signals.
int Detach() {
  prctl(PR_SET_NAME, "tepui-shim", 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  signal(SIGCHLD, SIG_DFL);  // If it were ignored, there would be no status to wait for.
  signal(SIGPIPE, SIG_IGN);
  setsid();
  close_range(kListenFd + 1, ~0u, 0);
  umask(022);
  if (chdir("/") != 0) return -1;
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; ++fd) dup2(null, fd);
  close(null);
  fcntl(kControlFd, F_SETFD, FD_CLOEXEC);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Returns the listening socket; -1 if there is none. The agent has already called listen on it, so
// that a later agent is never refused while this shim lives. The second call makes the kernel
// report this process to agents that connect.
int Listen() {
  if (listen(kListenFd, kBacklog) != 0) return -1;
  fcntl(kListenFd, F_SETFD, FD_CLOEXEC);
  fcntl(kListenFd, F_SETFL, O_NONBLOCK);
  return kListenFd;
}

bool ReadAll(void* to, size_t size) {
  char* next = static_cast<char*>(to);
  while (size > 0) {
    ssize_t got = read(kControlFd, next, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    next += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

// A separate mapping, so that its memory can be freed once the task runs.
struct Mapping {
  explicit Mapping(size_t bytes) : size(bytes) {
    address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  ~Mapping() {
    if (address != MAP_FAILED) munmap(address, size);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  size_t size;
  void* address;
};

void JoinOwnCgroups(const LaunchView& launch) {
  for (uint32_t i = 0; i < launch.header->shim_cgroup_count; ++i) {
    int fd = open(launch.shim_cgroups[i], O_WRONLY | O_CLOEXEC);
    if (fd < 0) continue;  // Then the shim is accounted to the agent.
    (void)!write(fd, "0", 1);
    close(fd);
  }
}

// What is still needed after the launch description is freed.
struct Launched {
  pid_t pid = -1;
  uint64_t start_ticks = 0;
  bool kill_on_disconnect = false;
  char status_file[PATH_MAX] = {};
};

bool Fail(Control& control, const Failure& failure) {
  control.Send({.type = Event::kFailed,
                .stage = failure.stage,
                .error = failure.error,
                .index = failure.index});
  return false;
}

// Returns true when the agent lets the task start; false if it kills the task, or is gone.
bool AwaitGo(Control& control) {
  while (true) {
    Command command;
    while (control.Next(&command)) {
      if (command.type == Command::kGo) return true;
      if (command.type == Command::kKill) return false;
    }
    if (!control.connected()) return false;
    pollfd ready[Control::kPolled];
    control.FillPolled(ready);
    if (poll(ready, Control::kPolled, -1) > 0) control.Receive(ready);
  }
}

struct Mark {
  explicit Mark(const Launched& launched) {
    snprintf(path, sizeof(path), "%s%s", launched.status_file, kMarkSuffix);
  }
  char path[PATH_MAX + sizeof(kMarkSuffix)];
};

bool MakeMark(const Launched& launched) {
  if (launched.status_file[0] == '\0') return true;
  int fd = open(Mark(launched).path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  close(fd);
  return true;
}

void RemoveMark(const Launched& launched) {
  if (launched.status_file[0] != '\0') unlink(Mark(launched).path);
}

bool Launch(Control& control, Launched* launched) {
  LaunchHeader header;
  if (!ReadAll(&header, sizeof(header))) return false;
  if (!CheckHeader(header)) return Fail(control, {kDecode, EPROTO, 0});
  size_t slot_bytes = SlotsNeeded(header) * sizeof(char*);
  Mapping memory(slot_bytes + header.body_bytes);
  if (memory.address == MAP_FAILED) return Fail(control, {kDecode, errno, 0});
  auto* slots = static_cast<const char**>(memory.address);
  char* body = static_cast<char*>(memory.address) + slot_bytes;
  if (!ReadAll(body, header.body_bytes)) return false;
  LaunchView view;
  if (!Decode(header, body, slots, &view)) return Fail(control, {kDecode, EPROTO, 0});
  if (strlen(view.status_file) + sizeof(kMarkSuffix) > sizeof(launched->status_file)) {
    return Fail(control, {kDecode, ENAMETOOLONG, 0});
  }
  strcpy(launched->status_file, view.status_file);
  launched->kill_on_disconnect = (header.flags & kKillOnDisconnect) != 0;
  JoinOwnCgroups(view);
  if ((header.flags & kHold) != 0 && !AwaitGo(control)) return false;
  if (!MakeMark(*launched)) return Fail(control, {kMark, errno, 0});
  Failure failure;
  launched->pid = StartTask(view, &failure);
  if (launched->pid < 0) {
    RemoveMark(*launched);
    return Fail(control, failure);
  }
  launched->start_ticks = StartTicks(launched->pid);  // Only this process can reap it.
  control.SetTask(launched->pid, launched->start_ticks);
  return true;
}

// Writes the status file, completely or not at all, for a later agent. Returns true if it is
// written or no longer needed: the agent removes the directory of a container that it does not need
// any more.
bool WriteStatusFile(const Launched& launched, int status) {
  if (launched.status_file[0] == '\0') return true;
  const Mark mark(launched);
  char text[96];
  int length = snprintf(text, sizeof(text), kStatusFileFormat, kVersion, launched.pid,
                        static_cast<unsigned long long>(launched.start_ticks), status);
  int fd = open(mark.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno == ENOENT;
  bool whole = write(fd, text, static_cast<size_t>(length)) == length;
  close(fd);
  return whole && (rename(mark.path, launched.status_file) == 0 || errno == ENOENT);
}

// Waits until the end is on disk or known to an agent. That takes long if the disk is full and no
// agent is connected.
void TellEnd(Control& control, const Launched& launched, int status) {
  Event exited = {.type = Event::kExited,
                  .pid = launched.pid,
                  .status = status,
                  .start_ticks = launched.start_ticks};
  bool known = WriteStatusFile(launched, status);
  known = control.Send(exited) || known;
  while (!known && control.listening()) {
    pollfd ready[Control::kPolled];
    control.FillPolled(ready);
    ready[0].fd = -1;  // Commands no longer matter.
    if (poll(ready, Control::kPolled, kRetryMilliseconds) > 0) control.Receive(ready);
    known = control.Send(exited) || WriteStatusFile(launched, status);
  }
}

int Main() {
  int signals = Detach();
  Control control(kControlFd, Listen());
  static Launched launched;
  if (signals < 0 || !Launch(control, &launched)) return 1;
  control.Send({.type = Event::kStarted, .pid = launched.pid, .start_ticks = launched.start_ticks});
  int status = Watch(control, signals, launched.pid, launched.kill_on_disconnect).UntilEnd();
  TellEnd(control, launched, status);
  return 0;
}

}  // namespace
}  // namespace tepui::shim

int main() { return tepui::shim::Main(); }
