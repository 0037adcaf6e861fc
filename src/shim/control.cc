// SPDX-License-Identifier: Apache-2.0
#include "shim/control.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tepui::shim {
namespace {

void Close(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// Messages are far smaller than a socket's buffer, so each is sent completely or not at all.
template <class T>
bool SendTo(int fd, const T& message) {
  return send(fd, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(message);
}

// Returns 1 if a message has been read, 0 if there is none yet, -1 if the other end is gone or
// sends nonsense. Messages arrive complete.
template <class T>
int ReceiveFrom(int fd, T* message) {
  ssize_t size = recv(fd, message, sizeof(*message), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  return size == sizeof(*message) ? 1 : -1;
}

// The socket's directory already keeps other users out. This is a second check.
bool IsTrusted(int connection) {
  ucred peer;
  socklen_t size = sizeof(peer);
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == geteuid();
}

uint32_t CommonVersion(const Hello& hello) {
  uint32_t version = hello.newest < kVersion ? hello.newest : kVersion;
  return version >= kOldestVersion && version >= hello.oldest ? version : 0;
}

}  // namespace

void Control::SetTask(pid_t pid, uint64_t start_ticks) {
  task_ = pid;
  task_start_ticks_ = start_ticks;
}

void Control::FillPolled(pollfd* polled) const {
  // poll ignores negative descriptors.
  polled[0] = {connection_, POLLIN, 0};
  polled[1] = {listener_, POLLIN, 0};
  polled[2] = {newcomer_, POLLIN, 0};
}

void Control::Receive(const pollfd* polled) {
  if (polled[2].revents != 0) Greet();
  if (polled[1].revents != 0) Accept();
}

// If two agents connect and neither has sent Hello, only the later connection is kept.
void Control::Accept() {
  int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection < 0) return;
  if (!IsTrusted(connection)) {
    close(connection);
    return;
  }
  Close(&newcomer_);
  newcomer_ = connection;
  Greet();  // Usually Hello has arrived already.
}

void Control::Greet() {
  Hello hello;
  int got = ReceiveFrom(newcomer_, &hello);
  if (got == 0) return;
  if (got < 0 || hello.magic != kMagic) return Close(&newcomer_);
  Welcome welcome = {kMagic, CommonVersion(hello), kOldestVersion, kVersion, getpid(),
                     task_,  task_start_ticks_};
  bool greeted = SendTo(newcomer_, welcome);
  if (!greeted || welcome.version == 0) return Close(&newcomer_);
  Send({.type = Event::kReplaced});
  Close(&connection_);
  connection_ = newcomer_;
  newcomer_ = -1;
}

bool Control::Next(Command* command) {
  if (connection_ < 0) return false;
  int got = ReceiveFrom(connection_, command);
  if (got < 0) Close(&connection_);
  return got > 0;
}

bool Control::Send(const Event& event) { return connection_ >= 0 && SendTo(connection_, event); }

}  // namespace tepui::shim
