#include "containers/shim_process.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>
#include <utility>

#include "shim/shim_image.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace tepui::containers {
namespace {

constexpr int kLowestImageFd = 10;  // Out of the way of the shim's own 0 to 3.
constexpr time_t kSendTimeoutSeconds = 10;
constexpr size_t kChildStackBytes = 16 << 10;

// What the new process needs between clone and exec. It shares our memory: `error` is how it
// answers.
struct ChildStart {
  int image;
  int control;
  char* const* arguments;
  char* const* environment;
  int error;
};

// Runs on the parent's memory with all signals blocked, the calling thread suspended: system calls
// only.
__attribute__((no_sanitize("address", "thread", "undefined"))) int RunChild(void* argument) {
  auto* start = static_cast<ChildStart*>(argument);
  if (start->control == shim::kControlFd) {
    syscall(SYS_fcntl, start->control, F_SETFD, 0);
  } else {
    syscall(SYS_dup3, start->control, shim::kControlFd, 0);
  }
  syscall(SYS_execveat, start->image, "", start->arguments, start->environment, AT_EMPTY_PATH);
  start->error = errno;
  syscall(SYS_exit, 127);
  return 127;
}

class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

// As posix_spawn does it: a process that shares our memory until it calls exec, so that no page
// table is copied.
int Clone(ChildStart* start, int* pidfd) {
  BlockedSignals blocked;
  alignas(16) std::array<std::byte, kChildStackBytes> stack;
  int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  return clone(RunChild, stack.data() + stack.size(), flags, start, pidfd);
}

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

}  // namespace

Result<FileDescriptor> OpenShimImage() {
  // A kernel before 6.3 does not know MFD_EXEC, a later one wants it said.
  int made = memfd_create("tepui-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (made < 0) made = memfd_create("tepui-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  FileDescriptor file(made);
  if (!file.valid()) {
    return Fail(Code::kInternal, "Cannot make a memory file for the shim: {}",
                std::strerror(errno));
  }
  std::span<const std::byte> rest = shim::ShimImage();
  while (!rest.empty()) {
    ssize_t written = write(file.get(), rest.data(), rest.size());
    if (written < 0) {
      return Fail(Code::kInternal, "Cannot write the shim's memory file: {}", std::strerror(errno));
    }
    rest = rest.subspan(static_cast<size_t>(written));
  }
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  FileDescriptor image(fcntl(file.get(), F_DUPFD_CLOEXEC, kLowestImageFd));
  if (!image.valid() || fcntl(image.get(), F_ADD_SEALS, kSeals) != 0) {
    return Fail(Code::kInternal, "Cannot seal the shim's memory file: {}", std::strerror(errno));
  }
  return image;
}

Result<std::shared_ptr<ShimProcess>> ShimProcess::Start(int image, const std::string& name,
                                                        const shim::Launch& launch) {
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

  std::string program = "tepui-shim";
  std::string id = name;
  std::array<char*, 3> arguments = {program.data(), id.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  ChildStart start = {image, shims_end.get(), arguments.data(), environment.data(), 0};
  int descriptor = -1;
  int pid = Clone(&start, &descriptor);
  int clone_error = errno;
  if (pid < 0) {
    return Fail(Code::kUnavailable, "Cannot start a process for the task: {}",
                std::strerror(clone_error));
  }
  FileDescriptor pidfd(descriptor);
  if (start.error != 0) {
    Reap(pidfd.get(), 0);
    return Fail(Code::kInternal, "Cannot execute the task's shim: {}", std::strerror(start.error));
  }
  auto shim = std::make_shared<ShimProcess>(pid, std::move(pidfd), std::move(control));
  if (!SendAll(shim->control_.get(), *description)) {
    int send_error = errno;
    SendSignal(shim->pidfd_.get(), SIGKILL);
    Reap(shim->pidfd_.get(), 0);
    return Fail(Code::kInternal, "Cannot hand the task to its shim: {}", std::strerror(send_error));
  }
  return shim;
}

ShimProcess::ShimProcess(pid_t pid, FileDescriptor pidfd, FileDescriptor control)
    : pid_(pid), pidfd_(std::move(pidfd)), control_(std::move(control)) {}

ShimProcess::~ShimProcess() {
  if (!gone_) Reap(pidfd_.get(), WNOHANG);
}

void ShimProcess::Observe(Poller& poller, Observer observer) {
  poller_ = &poller;
  observer_ = std::move(observer);
  start_deadline_ = poller.After(kStartTimeout, [self = shared_from_this()] {
    spdlog::warn("The shim with pid {} has not started its task in time; killing it", self->pid_);
    self->Abandon();
  });
  auto control = poller.Add(control_.get(), EPOLLIN,
                            [self = shared_from_this()] { return self->OnControl(); });
  auto exit =
      poller.Add(pidfd_.get(), EPOLLIN, [self = shared_from_this()] { return self->OnExit(); });
  if (!control || !exit) {
    // Out of memory for epoll entries (fs.epoll.max_user_watches). The task cannot be held on to.
    spdlog::error("{}", (!control ? control : exit).error().message);
    Abandon();
    Reap(pidfd_.get(), 0);
    poller.After(Duration::zero(), [self = shared_from_this()] { self->OnExit(); });
  }
}

void ShimProcess::Signal(int signal) { Send({shim::Command::kSignal, signal}); }

void ShimProcess::Kill() { Send({shim::Command::kKill, 0}); }

void ShimProcess::Abandon() { SendSignal(pidfd_.get(), SIGKILL); }

void ShimProcess::Send(const shim::Command& command) {
  // A few bytes into an empty buffer of many kilobytes: whole or, if the shim is gone, not at all.
  (void)!send(control_.get(), &command, sizeof(command), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool ShimProcess::OnControl() {
  return ReadEvents();  // At its end the shim is on its way out, and OnExit has the rest.
}

bool ShimProcess::OnExit() {
  if (gone_) return false;
  ReadEvents();
  Reap(pidfd_.get(), WNOHANG);
  gone_ = true;
  poller_->Cancel(start_deadline_);
  observer_.on_gone();
  observer_ = {};  // What it holds may hold us.
  return false;
}

// False at the end of what the shim sends.
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
