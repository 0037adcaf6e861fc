// SPDX-License-Identifier: Apache-2.0
#include "containers/mesos/shim_starter.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/memfd.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "shim/protocol.h"
#include "shim/shim_image.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace tepui::containers {
namespace {

constexpr int kLowestFd = 10;  // Above the shim's own descriptors 0 to 4.
constexpr size_t kChildStackBytes = 16 << 10;

// What the new process needs between clone and exec. It shares this process' memory, and answers
// through `error`.
struct ChildStart {
  int image;
  int control;
  int listener;  // -1 for none.
  unsigned first_not_copied;
  char* const* arguments;
  char* const* environment;
  int error;
};

// Runs in the parent's memory with all signals blocked, while the calling thread is suspended. It
// may only make system calls.
__attribute__((no_sanitize("address", "thread", "undefined"))) int RunChild(void* argument) {
  auto* start = static_cast<ChildStart*>(argument);
  // Until here it shares the parent's descriptor table, from here on it has a copy of its low end.
  if (syscall(SYS_close_range, start->first_not_copied, ~0U, CLOSE_RANGE_UNSHARE) == 0) {
    syscall(SYS_dup3, start->control, shim::kControlFd, 0);
    if (start->listener >= 0) {
      syscall(SYS_dup3, start->listener, shim::kListenFd, 0);
    } else {
      syscall(SYS_close, shim::kListenFd);
    }
    syscall(SYS_execveat, start->image, "", start->arguments, start->environment, AT_EMPTY_PATH);
  }
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

// Like posix_spawn, creates a process that shares this one's memory until it calls exec, so that no
// page table is copied. It also shares the descriptor table, until it copies the low end.
int Clone(ChildStart* start, int* pidfd) {
  BlockedSignals blocked;
  alignas(16) std::array<std::byte, kChildStackBytes> stack;
  int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD | SIGCHLD;
  return clone(RunChild, stack.data() + stack.size(), flags, start, pidfd);
}

Result<FileDescriptor> OpenImage() {
  // A kernel before 6.3 does not know MFD_EXEC, a later one expects it.
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
  FileDescriptor image(fcntl(file.get(), F_DUPFD_CLOEXEC, kLowestFd));
  if (!image.valid() || fcntl(image.get(), F_ADD_SEALS, kSeals) != 0) {
    return Fail(Code::kInternal, "Cannot seal the shim's memory file: {}", std::strerror(errno));
  }
  return image;
}

}  // namespace

// Reserves two of the low descriptors for one start, as duplicates of the shim's sockets. Between
// starts they refer to the image, so that they keep no socket open.
class ShimStarter::Place {
 public:
  Place(ShimStarter& starter, int control, int listener) : starter_(starter) {
    MutexLock lock(starter_.mutex_);
    while (starter_.free_places_.empty()) starter_.place_free_.Wait(starter_.mutex_);
    numbers_ = starter_.free_places_.back();
    starter_.free_places_.pop_back();
    lock.Unlock();
    dup3(control, this->control(), O_CLOEXEC);
    if (listener >= 0) dup3(listener, this->listener(), O_CLOEXEC);
  }
  ~Place() {
    dup3(starter_.image_.get(), control(), O_CLOEXEC);
    dup3(starter_.image_.get(), listener(), O_CLOEXEC);
    const MutexLock lock(starter_.mutex_);
    starter_.free_places_.push_back(numbers_);
    starter_.place_free_.NotifyOne();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  int control() const { return numbers_->control.get(); }
  int listener() const { return numbers_->listener.get(); }

 private:
  ShimStarter& starter_;
  const Numbers* numbers_;
};

Result<std::unique_ptr<ShimStarter>> ShimStarter::Create(int at_once) {
  Result<FileDescriptor> image = OpenImage();
  if (!image) return Fail(image.error());
  std::vector<Numbers> places;
  for (int i = 0; i < std::max(at_once, 1); ++i) {
    places.push_back({FileDescriptor(fcntl(image->get(), F_DUPFD_CLOEXEC, kLowestFd)),
                      FileDescriptor(fcntl(image->get(), F_DUPFD_CLOEXEC, kLowestFd))});
    if (!places.back().control.valid() || !places.back().listener.valid()) {
      return Fail(Code::kInternal, "Cannot reserve descriptors for starting shims: {}",
                  std::strerror(errno));
    }
  }
  return std::unique_ptr<ShimStarter>(new ShimStarter(std::move(*image), std::move(places)));
}

ShimStarter::ShimStarter(FileDescriptor image, std::vector<Numbers> places)
    : image_(std::move(image)), places_(std::move(places)) {
  int highest = image_.get();
  for (const Numbers& place : places_) {
    highest = std::max({highest, place.control.get(), place.listener.get()});
    free_places_.push_back(&place);
  }
  first_not_copied_ = static_cast<unsigned>(highest) + 1;
}

Result<ShimStarter::Started> ShimStarter::Start(int control, int listener, std::string name) {
  std::string program = "tepui-shim";
  std::array<char*, 3> arguments = {program.data(), name.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  Place place(*this, control, listener);
  ChildStart start = {image_.get(),
                      place.control(),
                      listener >= 0 ? place.listener() : -1,
                      first_not_copied_,
                      arguments.data(),
                      environment.data(),
                      0};
  int descriptor = -1;
  int pid = Clone(&start, &descriptor);
  int clone_error = errno;
  if (pid < 0) {
    return Fail(Code::kUnavailable, "Cannot start a process for the task: {}",
                std::strerror(clone_error));
  }
  FileDescriptor pidfd(descriptor);
  if (start.error != 0) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
    return Fail(Code::kInternal, "Cannot execute the task's shim: {}", std::strerror(start.error));
  }
  return Started{pid, std::move(pidfd)};
}

}  // namespace tepui::containers
