// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/shim_process.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "shim/start_ticks.h"

namespace tepui::containers {
namespace {

constexpr time_t kSendTimeoutSeconds = 10;
// The name of ShimStarter's memory file.
constexpr std::string_view kShimExecutable = "/memfd:tepui-shim";

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void Reap(int pidfd, int options) {
  siginfo_t ignored = {};
  while (waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &ignored,
                WEXITED | options) < 0 &&
         errno == EINTR) {
    continue;
  }
}

void SendSignal(int pidfd, int signal) {
  syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

// Returns the process that listens at the other end.
pid_t PeerOf(const FileDescriptor& connection) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return peer.pid;
}

// Returns kNotFound if the shim is gone, kUnavailable if it does not answer.
Result<shim::Welcome> SayHello(const FileDescriptor& connection) {
  const shim::Hello hello = {shim::kMagic, shim::kOldestVersion, shim::kVersion, 0};
  shim::Welcome welcome = {};
  ssize_t size = -1;
  if (SendAll(connection.get(), {reinterpret_cast<const char*>(&hello), sizeof(hello)})) {
    size = recv(connection.get(), &welcome, sizeof(welcome), MSG_WAITALL);
  }
  if (size < 0 && errno == EAGAIN) {
    return Fail(Code::kUnavailable, "The shim does not answer");
  }
  if (size == sizeof(welcome) && welcome.magic == shim::kMagic) return welcome;
  return Fail(Code::kNotFound, "The shim has ended");
}

// Returns whether the process is a shim of any build, and not another process that got its pid.
bool RunsShim(pid_t pid) {
  std::array<char, 256> target = {};
  const std::string link = fmt::format("/proc/{}/exe", pid);
  return readlink(link.c_str(), target.data(), target.size() - 1) > 0 &&
         std::string_view(target.data()).starts_with(kShimExecutable);
}

}  // namespace

Result<std::shared_ptr<ShimProcess>> ShimProcess::Start(ShimStarter& starter,
                                                        const std::string& name,
                                                        const shim::Launch& launch,
                                                        const FileDescriptor& listener) {
  std::optional<std::string> description = shim::Encode(launch);
  if (!description) {
    return Fail(Code::kInvalid,
                "The command, its arguments and environment together are larger than {} MB or "
                "contain a NUL byte",
                shim::kMaxBodyBytes >> 20);
  }
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return Fail(Code::kInternal, "Cannot make a socket for the task's shim: {}",
                std::strerror(errno));
  }
  FileDescriptor control(pair[0]);
  FileDescriptor shims_end(pair[1]);
  timeval timeout = {.tv_sec = kSendTimeoutSeconds, .tv_usec = 0};
  setsockopt(control.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));

  Result<ShimStarter::Started> started = starter.Start(shims_end.get(), listener.get(), name);
  if (!started) return Fail(started.error());
  auto shim = std::make_shared<ShimProcess>(started->pid, std::move(started->pidfd),
                                            std::move(control), Origin::kStarted);
  shim->held_ = launch.hold;
  if (!SendAll(shim->control_.get(), *description)) {
    int send_error = errno;
    SendSignal(shim->pidfd_.get(), SIGKILL);
    Reap(shim->pidfd_.get(), 0);
    return Fail(Code::kInternal, "Cannot hand the task to its shim: {}", std::strerror(send_error));
  }
  return shim;
}

Result<ShimProcess::Attached> ShimProcess::Attach(RuntimeDirectory& runtime, const ContainerId& id,
                                                  Duration patience) {
  // The kernel names the process that called listen last. That may still be the agent that started
  // the shim, but no longer once the shim has answered.
  for (int round = 0; round < 2; ++round) {
    Result<FileDescriptor> connection = runtime.Connect(id, patience);
    if (!connection) return Fail(connection.error());
    const pid_t pid = PeerOf(*connection);
    // Opened before the shim answers, so while it is alive: the pid is still its own.
    FileDescriptor pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    Result<shim::Welcome> welcome = SayHello(*connection);
    if (!welcome && welcome.error().code == Code::kNotFound) return Fail(welcome.error());
    Attached attached;
    if (!welcome) {
      if (!pidfd.valid() || !RunsShim(pid)) return Fail(welcome.error());
    } else if (welcome->shim_pid != pid || !pidfd.valid()) {
      continue;
    } else {
      attached.answer =
          welcome->version == 0 ? Attached::Answer::kOtherVersion : Attached::Answer::kWelcome;
      attached.welcome = *welcome;
    }
    attached.shim = std::make_shared<ShimProcess>(pid, std::move(pidfd), std::move(*connection),
                                                  Origin::kAttached);
    return attached;
  }
  return Fail(Code::kUnavailable, "The shim of container {} is not the process that listens for it",
              id);
}

ShimProcess::ShimProcess(pid_t pid, FileDescriptor pidfd, FileDescriptor control, Origin origin)
    : pid_(pid),
      start_ticks_(shim::StartTicks(pid)),
      origin_(origin),
      pidfd_(std::move(pidfd)),
      control_(std::move(control)) {}

ShimProcess::~ShimProcess() {
  if (!gone_) Reap(pidfd_.get(), WNOHANG);
}

void ShimProcess::Observe(Poller& poller, Observer observer) {
  poller_ = &poller;
  observer_ = std::move(observer);
  if (origin_ == Origin::kStarted) AwaitStart();
  auto control = poller.Add(control_.get(), EPOLLIN,
                            [self = shared_from_this()] { return self->OnControl(); });
  auto exit =
      poller.Add(pidfd_.get(), EPOLLIN, [self = shared_from_this()] { return self->OnExit(); });
  if (!control || !exit) {
    // No room for epoll entries (fs.epoll.max_user_watches). The task cannot be watched, so it is
    // killed.
    spdlog::error("{}", (!control ? control : exit).error().message);
    Abandon();
    Reap(pidfd_.get(), 0);
    poller.After(Duration::zero(), [self = shared_from_this()] { self->OnExit(); });
  }
}

void ShimProcess::AwaitStart() {
  start_deadline_ = poller_->After(kStartTimeout, [self = shared_from_this()] {
    if (self->held_) return self->AwaitStart();
    spdlog::warn("The shim with pid {} has not started its task in time; killing it", self->pid_);
    self->Abandon();
  });
}

void ShimProcess::Go() {
  held_ = false;
  Send({shim::Command::kGo, 0});
}

void ShimProcess::Signal(int signal) { Send({shim::Command::kSignal, signal}); }

void ShimProcess::Kill() { Send({shim::Command::kKill, 0}); }

void ShimProcess::Abandon() { SendSignal(pidfd_.get(), SIGKILL); }

bool ShimProcess::AwaitGone(Duration timeout) const {
  pollfd gone = {pidfd_.get(), POLLIN, 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return poll(&gone, 1, static_cast<int>(milliseconds)) > 0;
}

void ShimProcess::Send(const shim::Command& command) {
  // A few bytes always fit the buffer of many kilobytes: they are sent completely or, if the shim
  // is gone, not at all.
  (void)!send(control_.get(), &command, sizeof(command), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool ShimProcess::OnControl() {
  return ReadEvents();  // At end-of-file the shim is exiting, and OnExit does the rest.
}

bool ShimProcess::OnExit() {
  if (gone_) return false;
  ReadEvents();
  Reap(pidfd_.get(), WNOHANG);
  gone_ = true;
  poller_->Cancel(start_deadline_);
  observer_.on_gone();
  observer_ = {};  // It may hold a reference to this object.
  return false;
}

// Returns false at the end of what the shim sends.
bool ShimProcess::ReadEvents() {
  std::array<char, 256> buffer;
  while (!gone_) {
    ssize_t size = recv(control_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN;
    if (size == 0) return false;
    received_.append(buffer.data(), static_cast<size_t>(size));
    while (received_.size() >= sizeof(shim::Event)) {
      shim::Event event;
      std::memcpy(&event, received_.data(), sizeof(event));
      received_.erase(0, sizeof(event));
      OnEvent(event);
    }
  }
  return false;
}

void ShimProcess::OnEvent(const shim::Event& event) {
  poller_->Cancel(start_deadline_);
  observer_.on_event(event);
}

}  // namespace tepui::containers
