// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::containers {

// What to start. One container is one task, or one custom executor.
struct LaunchSpec {
  ContainerId id;  // A UUID, or parent.UUID: a nested container shares the parent's cgroup subtree.
  // command.uris are fetched into the sandbox first; `user` below overrides command.user.
  v1::CommandInfo command;
  std::optional<v1::ContainerInfo> container;  // rlimits, capabilities, environment of the image...
  // The whole environment; the agent's is not inherited.
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<std::string> user;  // The user to run as; absent: the agent's user.
  // The working directory; it holds stdout and stderr. It is created if missing, and `user` owns it
  // afterwards.
  std::string sandbox;
  Resources resources;  // Requests: cpu shares, memory soft limit and OOM threshold.
  // Hard limits by resource name (cpus, mem); infinity means no limit.
  std::vector<std::pair<std::string, double>> limits;
  FrameworkId framework;  // For the fetcher's cache (per user) and for names in logs.
  // The container keeps running when the agent ends; otherwise its shim ends it then.
  bool outlives_agent = true;
};

// What identifies the processes of a started container: a checkpoint keeps it beside the LaunchSpec
// so that the container can be found again. The kernel reuses pids, so a process is identified by
// its pid and its start time: clock ticks since the machine's boot, as in /proc/<pid>/stat.
//
// A container outlives the agent only if the agent has recorded this durably, because Recover
// destroys containers that are not claimed. So the agent must not report anything about the
// container before this is recorded.
struct Launched {
  int pid = 0;  // The task's first process.
  uint64_t start_ticks = 0;
  int shim_pid = 0;
  uint64_t shim_start_ticks = 0;
  // The machine's boot in which pids and ticks were read (/proc/sys/kernel/random/boot_id).
  std::string boot_id = {};
};

// How a container ended.
struct Termination {
  // The status from waitpid; absent if the container never started or its shim vanished.
  std::optional<int> status;
  // Set if isolation ended it: REASON_CONTAINER_LIMITATION_MEMORY and others. `message` then states
  // the used and allowed amounts, and `limited` names the resource.
  std::optional<v1::TaskStatus::Reason> reason;
  std::string message;
  Resources limited;
};

// A recorded container that the agent claims after its restart.
struct RecoverSpec {
  // The spec of the launch, with `resources` and `limits` as last updated. URIs are not fetched
  // again.
  LaunchSpec launch;
  Launched launched;
};

// What became of the containers that were started before the agent's restart.
struct Recovered {
  struct Ended {
    ContainerId id;
    // Without a status if neither the shim nor a record of the end is left.
    Termination termination;
  };
  struct Refused {
    ContainerId id;
    Error error;
  };

  std::vector<ContainerId> running;  // They behave as if this containerizer had launched them.
  std::vector<Ended> ended;          // Cleaned up completely; only Forget may follow.
  // Containers whose shims are of a later version of Tepui, which this version cannot control. They
  // are left as they are, and the agent must not go on as if they did not exist.
  std::vector<Refused> refused;
  std::vector<ContainerId> orphans;  // Found but not claimed; destroyed.
  // Found but not claimed, and not yet gone: their processes survive SIGKILL and may still use
  // their resources. SIGKILL is sent repeatedly; Wait's callback runs when they are gone.
  std::vector<ContainerId> survivors;
};

// The result of a command that ran in a running container (checks).
struct ExecResult {
  int status = 0;  // The status from waitpid.
  bool timed_out = false;
};

// Starts, watches and ends containers. The agent core decides what runs, what is retried and what
// is reported; this is the mechanism. All methods are called on the agent's thread, and every
// callback runs there; the work is done on threads of its own.
class Containerizer {
 public:
  virtual ~Containerizer() = default;

  // Takes control of the containers that were left before the agent's restart. Called once, before
  // any other call. The callback finds every container of `specs` in one of the lists of Recovered,
  // and must call Wait for those that run. Launches before the callback are refused. An error means
  // that nothing was done, and that the agent must not go on.
  using RecoverCallback = std::move_only_function<void(Result<Recovered>)>;
  virtual void Recover(std::vector<RecoverSpec> specs, RecoverCallback callback) = 0;

  // Fetches, isolates and starts the container. The callback runs once: with the pid as soon as the
  // task's program is executing, or with an error (for a missing user, directory, binary or URI:
  // kInvalid or kNotFound) whose sentence becomes the task's message. After an error the container
  // is gone, and no termination follows.
  using LaunchCallback = std::move_only_function<void(Result<Launched>)>;
  virtual void Launch(LaunchSpec spec, LaunchCallback callback) = 0;

  // The callback runs once, when the launched container has ended and is cleaned up completely;
  // never while one of its processes is alive, for whatever reason. A container has at most one
  // watcher; set it right after Launch or in its callback. How the task ended stays on disk, for
  // Recover, until Forget.
  using TerminationCallback = std::move_only_function<void(Termination)>;
  virtual void Wait(const ContainerId& id, TerminationCallback callback) = 0;

  // Removes what is kept of an ended container, because the caller has recorded its end or does not
  // need it. Does nothing if the container has not ended.
  virtual void Forget(const ContainerId& id) = 0;

  // Sends `signal` to the task's process group. Returns false if there is no such container.
  virtual bool Signal(const ContainerId& id, int signal) = 0;

  // Sends SIGKILL to everything in the container; its termination follows. Also aborts a launch
  // that is still fetching.
  virtual void Destroy(const ContainerId& id) = 0;

  // Sets new requests and limits of a running container.
  virtual void Update(const ContainerId& id, const Resources& resources,
                      const std::vector<std::pair<std::string, double>>& limits) = 0;

  // Runs a command beside the container's task, with the same user, sandbox, environment (plus the
  // command's) and isolation. The command and all its children are killed after `timeout`.
  using ExecCallback = std::move_only_function<void(Result<ExecResult>)>;
  virtual void Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
                    ExecCallback callback) = 0;

  virtual void Usage(const ContainerId& id,
                     std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) = 0;
};

// Performs network checks of the agent's tasks, from the agent's host. Callbacks run on the agent's
// thread.
class Prober {
 public:
  virtual ~Prober() = default;
  // Sends a GET. The result is the HTTP status, or the reason why there is none.
  virtual void Http(const std::string& scheme, const std::string& host, uint16_t port,
                    const std::string& path, Duration timeout,
                    std::move_only_function<void(Result<int>)> callback) = 0;
  // The result is true if a connection could be made.
  virtual void Tcp(const std::string& host, uint16_t port, Duration timeout,
                   std::move_only_function<void(Result<bool>)> callback) = 0;
};

// Operations on the agent's directories that its core decides about. Callbacks run on the agent's
// thread.
class Disk {
 public:
  virtual ~Disk() = default;
  // Creates the directory and its parents. `user` owns the directory (not its parents) afterwards,
  // even if it existed before. If `link` is not empty it is the path of a symlink
  // (".../runs/latest") that points to the directory afterwards, whatever it pointed to before.
  virtual Status CreateDirectory(const std::string& path, const std::optional<std::string>& user,
                                 const std::string& link) = 0;
  // Makes `link` a symlink to `target`, with the link's parent directories. A symlink in its place
  // is replaced; anything else there is an error.
  virtual Status Link(const std::string& target, const std::string& link) = 0;
  struct Entry {
    std::string name;
    WallTime modified;
  };
  // Returns the directories in the directory at `path`, without symlinks; none if it is missing.
  virtual Result<std::vector<Entry>> List(const std::string& path) = 0;
  // Removes the tree at `path` in the background; a missing path is success.
  virtual void Remove(const std::string& path, std::move_only_function<void(Status)> callback) = 0;
  // Renames the directory `from` to `to`, on the same file system; the parents of `to` are created.
  // On return the move is durable, whatever happens to the machine. It may be repeated: it does
  // nothing if `to` exists or `from` does not.
  virtual Status Move(const std::string& from, const std::string& to) = 0;
  // Removes the contents of the directory at `path` in the background, but not the directory
  // itself; they are durably gone when the callback runs. A missing path is success.
  virtual void Empty(const std::string& path, std::move_only_function<void(Status)> callback) = 0;
  // Returns the used fraction of the file system that holds `path`.
  virtual Result<double> UsedFraction(const std::string& path) = 0;
};

}  // namespace tepui::containers
