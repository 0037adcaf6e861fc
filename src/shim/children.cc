// SPDX-License-Identifier: Apache-2.0
#include "shim/children.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tepui::shim {
namespace {

constexpr pid_t kMaxPid = 4 << 20;  // The kernel's own bound.
constexpr size_t kMaxProcesses = 1u << 20;
constexpr int kMaxRounds = 16;

// The processes below this one. Its memory is reserved for the largest tree and used only as far as
// the tree reaches; it is freed at the end.
class Descendants {
 public:
  Descendants() : memory_(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, kFlags, -1, 0)) {}
  ~Descendants() {
    if (valid()) munmap(memory_, kBytes);
  }
  Descendants(const Descendants&) = delete;
  Descendants& operator=(const Descendants&) = delete;

  bool valid() const { return memory_ != MAP_FAILED; }

  // Stops all. A process that goes to another parent during a round may be missing in that round,
  // and one that is not stopped yet may start another, so the last round has found nothing new.
  void Stop() {
    for (int round = 0; round < kMaxRounds; ++round) {
      Find();
      if (!StopNew()) return;
    }
  }

  // The kernel hands out pids in a circle, so none belongs to another process by now.
  void Signal(int signal) {
    for (size_t i = 0; i < count_; ++i) kill(pids()[i], signal);
  }

  bool empty() const { return count_ == 0; }

 private:
  static constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  static constexpr size_t kPidBytes = kMaxProcesses * sizeof(pid_t);
  static constexpr size_t kBytes = kPidBytes + kMaxPid / 8;

  pid_t* pids() { return static_cast<pid_t*>(memory_); }
  uint8_t* stopped_bits() { return static_cast<uint8_t*>(memory_) + kPidBytes; }

  void Find() {
    count_ = 0;
    AppendChildren(getpid());
    for (size_t i = 0; i < count_; ++i) AppendChildren(pids()[i]);
  }

  // Returns false if all that were found had been stopped before.
  bool StopNew() {
    bool found = false;
    for (size_t i = 0; i < count_; ++i) {
      const auto pid = static_cast<size_t>(pids()[i]);
      uint8_t& stopped = stopped_bits()[pid / 8];
      const auto bit = static_cast<uint8_t>(1u << (pid % 8));
      if ((stopped & bit) != 0) continue;
      stopped = static_cast<uint8_t>(stopped | bit);
      kill(pids()[i], SIGSTOP);
      found = true;
    }
    return found;
  }

  static void Append(pid_t child, void* self) {
    auto* all = static_cast<Descendants*>(self);
    if (child < kMaxPid && all->count_ < kMaxProcesses) all->pids()[all->count_++] = child;
  }

  // Each thread has its own children. readdir would allocate.
  void AppendChildren(pid_t pid) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", static_cast<int>(pid));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    alignas(dirent64) char buffer[2048];
    long size;
    while ((size = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
      for (long at = 0; at < size;) {
        const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
        at += entry->d_reclen;
        const pid_t thread = atoi(entry->d_name);
        if (thread > 0) ForEachChild(pid, thread, &Append, this);
      }
    }
    close(fd);
  }

  void* const memory_;
  size_t count_ = 0;
};

}  // namespace

bool ForEachChild(pid_t parent, pid_t thread, void (*each)(pid_t child, void* context),
                  void* context) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/task/%d/children", static_cast<int>(parent),
           static_cast<int>(thread));
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char buffer[4096];
  pid_t pid = 0;
  ssize_t size;
  while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
    for (ssize_t i = 0; i < size; ++i) {
      if (buffer[i] >= '0' && buffer[i] <= '9') {
        pid = pid * 10 + (buffer[i] - '0');
      } else if (pid > 0) {
        each(pid, context);
        pid = 0;
      }
    }
  }
  close(fd);
  return true;
}

bool SignalDescendants(int signal) {
  Descendants descendants;
  if (!descendants.valid()) return false;
  descendants.Stop();
  descendants.Signal(signal);
  descendants.Signal(SIGCONT);
  return !descendants.empty();
}

}  // namespace tepui::shim
