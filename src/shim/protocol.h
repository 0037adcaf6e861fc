#pragma once

// What the agent and the shim say to each other, and the bounds both hold. Both ends run on one
// machine: integers are in host order, structs as the compiler lays them out.
//
// The agent that starts a shim has a stream socket pair with it:
//
//   agent -> shim   LaunchHeader and its body, once; then any number of Command
//   shim -> agent   Event: kStarted or kFailed once; kExited after kStarted
//
// A later agent connects to the shim's listening socket, at any time of the shim's life:
//
//   agent -> shim   Hello; then any number of Command
//   shim -> agent   Welcome, when the task has started; then Event: kExited or kReplaced
//
// Either end may vanish. The shim goes on without the agent; an agent that reads end-of-file
// without kExited, kFailed or kReplaced knows that the shim was killed.
//
// The last one who said hello is in control: an agent that hangs, or that the kernel does not let
// go, must not keep the next one from its tasks. Who was in control before reads kReplaced and the
// end. Only root and the shim's own user are listened to.
//
// Versions. A shim is of the build that started it, so what is said over the socket pair is of one
// version. It lives on when its agent is replaced by another build, so Hello and Welcome are the
// same in all versions, and what follows is of the highest version that both know, which the shim
// finds. An agent therefore keeps the structs of all versions back to its kOldestVersion, a shim
// only needs its own. A shim that has no version in common with an agent says so by version 0 and
// hangs up, and whoever was in control stays so.

#include <stddef.h>
#include <stdint.h>

namespace tepui::shim {

inline constexpr int kControlFd = 3;
inline constexpr int kListenFd = 4;  // Closed if nobody else is to come, as for checks.

inline constexpr uint32_t kMagic = 0x4d485354;  // "TSHM"
inline constexpr uint32_t kVersion = 1;
inline constexpr uint32_t kOldestVersion = 1;

inline constexpr uint32_t kMaxBodyBytes = 8u << 20;  // The kernel's own bound for exec is below it.
inline constexpr uint32_t kMaxGroups = 65536;        // NGROUPS_MAX.
inline constexpr uint32_t kMaxRlimits = 16;
inline constexpr uint32_t kMaxCgroups = 16;
inline constexpr uint32_t kMaxArguments = 1u << 17;
inline constexpr uint32_t kMaxVariables = 1u << 17;

// LaunchHeader::flags.
inline constexpr uint32_t kSwitchUser = 1u << 0;       // To uid, gid and the groups.
inline constexpr uint32_t kNoNewPrivileges = 1u << 1;  // PR_SET_NO_NEW_PRIVS.
inline constexpr uint32_t kSetEffective = 1u
                                          << 2;  // The task's capabilities are exactly `effective`.
inline constexpr uint32_t kSetBounding = 1u << 3;  // The bounding set is reduced to `bounding`.
inline constexpr uint32_t kKillOnDisconnect = 1u << 4;  // It ends with the agent.
inline constexpr uint32_t kFlagsMask = (1u << 5) - 1;

// Followed by body_bytes: uint32_t groups[group_count], zeros up to a multiple of 8, Rlimit
// rlimits[rlimit_count], then NUL-terminated strings, in this order:
//   directory       the task's working directory
//   stdout, stderr  appended to, created if missing; relative to `directory`
//   status_file     written when the task has ended; empty for none
//   cgroup2         directory of the cgroup v2 the task is to start in; empty for none
//   shim_cgroups    `tasks` or `cgroup.procs` files that the shim itself joins, if it can
//   cgroups         `tasks` files (cgroups v1) that the task joins
//   program         a path if it has a slash; else looked for in the PATH of the task's environment
//   arguments       from argv[0] on
//   environment     NAME=value
struct LaunchHeader {
  uint32_t magic;
  uint32_t version;
  uint32_t body_bytes;
  uint32_t flags;
  uint32_t uid;
  uint32_t gid;
  int32_t oom_score_adj;  // 0: left as inherited.
  uint32_t group_count;
  uint32_t rlimit_count;
  uint32_t shim_cgroup_count;
  uint32_t cgroup_count;
  uint32_t argument_count;
  uint32_t variable_count;
  uint32_t reserved;
  uint64_t effective;  // Bit n is the kernel's capability n.
  uint64_t bounding;
};
static_assert(sizeof(LaunchHeader) == 72);

struct Rlimit {
  uint32_t resource;  // RLIMIT_*.
  uint32_t reserved;
  uint64_t soft;  // ~0: none.
  uint64_t hard;
};
static_assert(sizeof(Rlimit) == 24);

// The same in all versions: what an agent says that did not start the shim.
struct Hello {
  uint32_t magic;
  uint32_t oldest;  // Of the versions that the agent speaks.
  uint32_t newest;
  uint32_t reserved;
};
static_assert(sizeof(Hello) == 16);

// The same in all versions: the answer to Hello.
struct Welcome {
  uint32_t magic;
  uint32_t version;  // Spoken from here on; 0 if there is none in common.
  uint32_t oldest;   // Of the versions that the shim speaks.
  uint32_t newest;
  int32_t shim_pid;
  int32_t task_pid;
  uint64_t task_start_ticks;  // As StartTicks gives it.
};
static_assert(sizeof(Welcome) == 32);

struct Command {
  enum Type : uint32_t {
    kSignal = 1,  // `signal` to the task's process group.
    kKill = 2,    // SIGKILL to every process of the task, until none is left.
  };
  uint32_t type;
  int32_t signal;
};

// What the shim was at when a launch failed.
enum Stage : uint32_t {
  kNoStage = 0,
  kDecode,  // The launch description.
  kFork,
  kCgroup,  // Joining cgroups[index].
  kOomScore,
  kRlimit,  // rlimits[index].
  kGroups,
  kUser,
  kCapabilities,
  kDirectory,
  kStdin,
  kStdout,
  kStderr,
  kCloseFds,
  kNoNewPrivs,
  kExec,             // The program is not there, or the kernel refuses it.
  kExecInterpreter,  // The program is there, what it needs to run (its #! line or loader) is not.
};

struct Event {
  enum Type : uint32_t {
    kStarted = 1,   // The task's program is executing as `pid`.
    kFailed = 2,    // It is not; stage, error and index say why. The shim exits.
    kExited = 3,    // The task's first process ended with `status`, everything of it is gone. The
                    // shim exits.
    kReplaced = 4,  // Another agent is in control now.
  };
  uint32_t type = 0;
  int32_t pid = 0;
  int32_t status = 0;  // As waitpid gives it.
  uint32_t stage = kNoStage;
  int32_t error = 0;  // errno.
  uint32_t index = 0;
  uint64_t start_ticks = 0;  // Of the process `pid`, as StartTicks gives it.
};
static_assert(sizeof(Event) == 32);

// The status file holds one line of this form, in decimal: version, the task's pid and start
// ticks, its status as waitpid gives it. It is written beside its place and renamed, so that it is
// there whole or not at all; a line without its end is none.
inline constexpr char kStatusFileFormat[] = "%u %d %llu %d\n";

}  // namespace tepui::shim
