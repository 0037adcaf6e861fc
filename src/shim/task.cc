// SPDX-License-Identifier: Apache-2.0
#include "shim/task.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tepui::shim {
namespace {

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The child's side: each step returns false, with `failure` filled in, if it fails. `failure` is in
// memory shared with the parent.
class Child {
 public:
  Child(const LaunchView& launch, pid_t shim, Failure* failure)
      : launch_(launch), shim_(shim), failure_(failure) {}

  // Returns only if something failed.
  void Run() {
    setsid();
    bool ready = JoinCgroups() && SetOomScore() && SetRlimits() && SwitchUser() &&
                 EnterDirectory() && OpenStandardFds() && SetNoNewPrivileges();
    if (!ready) return;
    // A task whose shim is killed has no process left to wait for it, so it is killed too. (The
    // kernel resets this when the user changes, so it is set only here.)
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != shim_) return;  // The shim was killed before that.
    ResetSignals();
    Exec();
  }

  bool joined_cgroup2 = false;  // The child was born in it.

 private:
  bool Fail(uint32_t stage, uint32_t index = 0) {
    failure_->error = errno;
    failure_->index = index;
    failure_->stage = stage;
    return false;
  }

  // "0" stands for the writer. If a process of one thread writes it to `tasks` for itself, the
  // kernel avoids the lock over all processes (and the milliseconds) that moving another process
  // costs.
  static bool Join(const char* file) {
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool written = write(fd, "0", 1) == 1;
    int error = errno;
    close(fd);
    errno = error;
    return written;
  }

  bool JoinCgroups() {
    for (uint32_t i = 0; i < launch_.header->cgroup_count; ++i) {
      if (!Join(launch_.cgroups[i])) return Fail(kCgroup, i);
    }
    if (launch_.cgroup2[0] == '\0' || joined_cgroup2) return true;
    char file[PATH_MAX];
    int length = snprintf(file, sizeof(file), "%s/cgroup.procs", launch_.cgroup2);
    if (length >= static_cast<int>(sizeof(file))) {
      errno = ENAMETOOLONG;
      return Fail(kCgroup, launch_.header->cgroup_count);
    }
    return Join(file) || Fail(kCgroup, launch_.header->cgroup_count);
  }

  bool SetOomScore() {
    if (launch_.header->oom_score_adj == 0) return true;
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return Fail(kOomScore);
    char text[16];
    int length = snprintf(text, sizeof(text), "%d", launch_.header->oom_score_adj);
    bool written = write(fd, text, static_cast<size_t>(length)) == length;
    int error = errno;
    close(fd);
    errno = error;
    return written || Fail(kOomScore);
  }

  bool SetRlimits() {
    for (uint32_t i = 0; i < launch_.header->rlimit_count; ++i) {
      const Rlimit& wanted = launch_.rlimits[i];
      struct rlimit limit = {wanted.soft, wanted.hard};
      if (setrlimit(static_cast<__rlimit_resource>(wanted.resource), &limit) != 0) {
        return Fail(kRlimit, i);
      }
    }
    return true;
  }

  bool SwitchUser() {
    const LaunchHeader& header = *launch_.header;
    if ((header.flags & kSetBounding) != 0 && !ReduceBoundingSet()) return Fail(kCapabilities);
    if ((header.flags & kSwitchUser) != 0) {
      bool keep = (header.flags & kSetEffective) != 0;
      if (keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return Fail(kCapabilities);
      if (setgroups(header.group_count, launch_.groups) != 0) return Fail(kGroups);
      if (setresgid(header.gid, header.gid, header.gid) != 0) return Fail(kGroups);
      if (setresuid(header.uid, header.uid, header.uid) != 0) return Fail(kUser);
    }
    if ((header.flags & kSetEffective) != 0 && !SetCapabilities()) return Fail(kCapabilities);
    return true;
  }

  bool ReduceBoundingSet() {
    for (int capability = 0; capability < 64; ++capability) {
      if ((launch_.header->bounding >> capability & 1) != 0) continue;
      int bounded = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
      if (bounded < 0) break;  // The kernel has no higher one.
      if (bounded == 1 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return false;
    }
    return true;
  }

  // Sets the ambient set, too; otherwise exec would drop the capabilities of a user other than
  // root.
  bool SetCapabilities() {
    uint64_t wanted = launch_.header->effective;
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2];
    for (int half = 0; half < 2; ++half) {
      uint32_t bits = static_cast<uint32_t>(wanted >> (32 * half));
      data[half] = {bits, bits, bits};
    }
    if (syscall(SYS_capset, &header, data) != 0) return false;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return false;
    for (unsigned long capability = 0; capability < 64; ++capability) {
      if ((wanted >> capability & 1) == 0) continue;
      if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return false;
    }
    return true;
  }

  bool EnterDirectory() { return chdir(launch_.directory) == 0 || Fail(kDirectory); }

  // The directory belongs to the task's user, who may have put anything in the output's place, so
  // this follows no link, and opens neither a fifo nor a device for writing.
  static int OpenOutput(const char* path) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0644);
    if (fd < 0) return -1;
    struct stat about;
    if (fstat(fd, &about) != 0) return -1;
    if (!S_ISREG(about.st_mode)) {
      errno = EINVAL;
      return -1;
    }
    return fcntl(fd, F_SETFL, O_APPEND) == 0 ? fd : -1;
  }

  bool OpenStandardFds() {
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0) return Fail(kStdin);
    int out = OpenOutput(launch_.stdout_path);
    if (out < 0 || dup2(out, 1) < 0) return Fail(kStdout);
    int err = OpenOutput(launch_.stderr_path);
    if (err < 0 || dup2(err, 2) < 0) return Fail(kStderr);
    // Closed by exec and not before, because the parent waits on one of them.
    return close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0 || Fail(kCloseFds);
  }

  bool SetNoNewPrivileges() {
    if ((launch_.header->flags & kNoNewPrivileges) == 0) return true;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 || Fail(kNoNewPrivs);
  }

  static void ResetSignals() {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) sigaction(number, &action, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  // Follows the rules of execvp, with the PATH of the task.
  void Exec() {
    if (strchr(launch_.program, '/') != nullptr) {
      TryExec(launch_.program);
      bool exists = errno == ENOENT && access(launch_.program, F_OK) == 0;
      if (exists) errno = ENOENT;
      Fail(exists ? kExecInterpreter : kExec);
      return;
    }
    if (launch_.program[0] == '\0') {
      errno = ENOENT;
      Fail(kExec);
      return;
    }
    SearchPath();
    Fail(kExec);
  }

  void SearchPath() {
    int refused = ENOENT;
    for (const char* entry = Path(); entry != nullptr;) {
      const char* end = strchrnul(entry, ':');
      char file[PATH_MAX];
      int length = static_cast<int>(end - entry);
      int size = snprintf(file, sizeof(file), "%.*s%s%s", length, entry, length > 0 ? "/" : "",
                          launch_.program);
      if (size < static_cast<int>(sizeof(file))) {
        TryExec(file);
        if (errno == EACCES) refused = EACCES;
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return;
      }
      entry = *end == ':' ? end + 1 : nullptr;
    }
    errno = refused;
  }

  const char* Path() const {
    for (const char** variable = launch_.environment; *variable != nullptr; ++variable) {
      if (strncmp(*variable, "PATH=", 5) == 0) return *variable + 5;
    }
    return kDefaultPath;
  }

  void TryExec(const char* file) {
    char** environment = const_cast<char**>(launch_.environment);
    execve(file, const_cast<char**>(launch_.arguments), environment);
    if (errno != ENOEXEC) return;
    // The program is a script without a #! line.
    uint32_t count = launch_.header->argument_count;
    const char** arguments =
        static_cast<const char**>(mmap(nullptr, (count + 3) * sizeof(char*), PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (arguments == MAP_FAILED) return;
    arguments[0] = "sh";
    arguments[1] = file;
    for (uint32_t i = 1; i < count; ++i) arguments[i + 1] = launch_.arguments[i];
    execve("/bin/sh", const_cast<char**>(arguments), environment);
    errno = ENOEXEC;
  }

  const LaunchView& launch_;
  const pid_t shim_;
  Failure* failure_;
};

// Forks into the cgroup, if there is one and the kernel allows it (some sandboxes have no clone3).
// The parent continues when the child has called exec or is gone.
int Fork(const char* cgroup2, bool* joined) {
  struct clone_args args = {};
  args.flags = CLONE_VFORK;
  args.exit_signal = SIGCHLD;
  int directory = -1;
  if (cgroup2[0] != '\0') {
    directory = open(cgroup2, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
      args.flags |= CLONE_INTO_CGROUP;
      args.cgroup = static_cast<uint64_t>(directory);
    }
  }
  *joined = directory >= 0;
  long pid = syscall(SYS_clone3, &args, sizeof(args));
  if (pid == 0) return 0;
  int error = errno;
  if (directory >= 0) close(directory);
  if (pid > 0) return static_cast<int>(pid);
  errno = error;
  if (error != ENOSYS && error != EPERM) return -1;
  *joined = false;
  return fork();
}

}  // namespace

int StartTask(const LaunchView& launch, Failure* failure) {
  void* shared =
      mmap(nullptr, sizeof(Failure), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int gate[2] = {-1, -1};  // exec closes it; the parent waits for that if fork does not wait.
  if (shared == MAP_FAILED || pipe2(gate, O_CLOEXEC) != 0) {
    *failure = {kFork, errno, 0};
    return -1;
  }
  auto* reported = static_cast<Failure*>(shared);
  bool joined = false;
  const pid_t shim = getpid();
  int pid = Fork(launch.cgroup2, &joined);
  if (pid == 0) {
    close(gate[0]);
    Child child(launch, shim, reported);
    child.joined_cgroup2 = joined;
    child.Run();
    _exit(127);
  }
  int fork_error = errno;
  close(gate[1]);
  if (pid < 0) {
    *failure = {kFork, fork_error, 0};
  } else {
    char byte;
    while (read(gate[0], &byte, 1) < 0 && errno == EINTR) continue;
    *failure = *reported;
  }
  close(gate[0]);
  munmap(shared, sizeof(Failure));
  if (pid > 0 && failure->stage != kNoStage) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
    pid = -1;
  }
  return pid;
}

}  // namespace tepui::shim
