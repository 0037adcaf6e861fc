// SPDX-License-Identifier: Apache-2.0
#pragma once

// The protocol between the agent and the shim, and its bounds, which both enforce. Both ends run on
// one machine: integers are in host order, and structs are laid out by the compiler.
//
// The agent that starts a shim shares a stream socket pair with it:
//
//   agent -> shim   LaunchHeader and its body, once; then any number of Command
//   shim -> agent   Event: kStarted or kFailed once; kExited after kStarted
//
// With kHold the shim prepares itself, and starts the task when it gets kGo: the agent sends that
// when what explains the task is durable. A shim that loses its agent before that exits, and the
// task never ran. The mark (see kMarkSuffix) tells later agents which tasks may have run.
//
// A later agent can connect to the shim's listening socket at any time:
//
//   agent -> shim   Hello; then any number of Command
//   shim -> agent   Welcome; then Event: kExited or kReplaced
//
// Either end may vanish. The shim keeps running without the agent; an agent that reads end-of-file
// without kExited, kFailed or kReplaced knows that the shim was killed.
//
// The agent that sent the last Hello is in control: an agent that hangs, or that the kernel cannot
// end, must not keep its successor from the tasks. The agent that was in control before reads
// kReplaced and end-of-file. The shim accepts connections only from root and from its own user.
//
// Versions. A shim comes from the same build as the agent that started it, so the socket pair uses
// one version. A shim keeps running when its agent is replaced by another build, so Hello and
// Welcome are the same in all versions, and what follows uses the highest version that both know,
// which the shim chooses. An agent therefore keeps the structs of all versions back to its
// kOldestVersion; a shim needs only those of its own version. A shim that has no version in common
// with an agent answers with version 0 and hangs up, and the agent in control does not change.
//
//   1   kSignal reaches only the process group of the task's first process, whose end is always the
//       end of the others; there is neither kHold nor a mark
//   2   as described here; agents send the same commands to shims of both versions

#include <stddef.h>
#include <stdint.h>

namespace tepui::shim {

inline constexpr int kControlFd = 3;
inline constexpr int kListenFd = 4;  // Closed if no other agent may connect, as for checks.

inline constexpr uint32_t kMagic = 0x4d485354;  // "TSHM"
inline constexpr uint32_t kVersion = 2;
inline constexpr uint32_t kOldestVersion = 1;

inline constexpr uint32_t kMaxBodyBytes = 8u << 20;  // The kernel's own bound for exec is lower.
inline constexpr uint32_t kMaxGroups = 65536;        // NGROUPS_MAX.
inline constexpr uint32_t kMaxRlimits = 16;
inline constexpr uint32_t kMaxCgroups = 16;
inline constexpr uint32_t kMaxArguments = 1u << 17;
inline constexpr uint32_t kMaxVariables = 1u << 17;

// LaunchHeader::flags.
inline constexpr uint32_t kSwitchUser = 1u << 0;       // Switch to uid, gid and the groups.
inline constexpr uint32_t kNoNewPrivileges = 1u << 1;  // PR_SET_NO_NEW_PRIVS.
inline constexpr uint32_t kSetEffective = 1u
                                          << 2;  // The task's capabilities are exactly `effective`.
inline constexpr uint32_t kSetBounding = 1u << 3;  // The bounding set is reduced to `bounding`.
inline constexpr uint32_t kKillOnDisconnect = 1u << 4;  // The task ends with the agent.
inline constexpr uint32_t kHold = 1u << 5;              // The task starts at kGo.
inline constexpr uint32_t kFlagsMask = (1u << 6) - 1;

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
  int32_t oom_score_adj;  // 0: inherited.
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

// The first message of an agent that did not start the shim. The same in all versions.
struct Hello {
  uint32_t magic;
  uint32_t oldest;  // The oldest version that the agent speaks.
  uint32_t newest;
  uint32_t reserved;
};
static_assert(sizeof(Hello) == 16);

// The answer to Hello. The same in all versions.
struct Welcome {
  uint32_t magic;
  uint32_t version;  // Used from here on; 0 if there is none in common.
  uint32_t oldest;   // The oldest version that the shim speaks.
  uint32_t newest;
  int32_t shim_pid;
  int32_t task_pid;           // 0: the task is held and has not started.
  uint64_t task_start_ticks;  // From StartTicks.
};
static_assert(sizeof(Welcome) == 32);

struct Command {
  enum Type : uint32_t {
    kSignal = 1,  // `signal` to every process of the task. From SIGTERM on the task ends with its
                  // last process, or by kKill, and not with its first one.
    kKill = 2,    // SIGKILL to every process of the task, until none is left.
    kGo = 3,      // Start the task that is held.
  };
  uint32_t type;
  int32_t signal;
};

// The step at which a launch failed.
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
  kExec,             // The program is missing, or the kernel refuses it.
  kExecInterpreter,  // The program exists, but its interpreter (#! line or loader) does not.
  kMark,             // Making the mark.
};

struct Event {
  enum Type : uint32_t {
    kStarted = 1,   // The task's program is executing as `pid`.
    kFailed = 2,    // It could not start; stage, error and index say why. The shim exits.
    kExited = 3,    // The task's first process ended with `status`, and all others are gone. The
                    // shim exits.
    kReplaced = 4,  // Another agent is in control now.
  };
  uint32_t type = 0;
  int32_t pid = 0;
  int32_t status = 0;  // The status from waitpid.
  uint32_t stage = kNoStage;
  int32_t error = 0;  // errno.
  uint32_t index = 0;
  uint64_t start_ticks = 0;  // When the process `pid` started, as returned by StartTicks.
};
static_assert(sizeof(Event) == 32);

// The status file contains one line of this form, in decimal: version, the task's pid and start
// ticks, its status as returned by waitpid. It is written under a temporary name and renamed, so
// that it appears complete or not at all; a line without a newline at its end is invalid.
inline constexpr char kStatusFileFormat[] = "%u %d %llu %d\n";

// The mark is the status file's temporary name: its path with this at its end. It is made before
// the task starts and removed if the task cannot start. A container that has neither mark nor
// status file has never run its program.
inline constexpr char kMarkSuffix[] = ".new";

}  // namespace tepui::shim
