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
  // uris are fetched into the sandbox first; `user` below wins over command.user.
  v1::CommandInfo command;
  std::optional<v1::ContainerInfo> container;  // rlimits, capabilities, environment of the image...
  // The whole environment; the agent's is not inherited.
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<std::string> user;  // Runs as; absent: as the agent.
  // Working directory; made if missing, `user`'s from then on; holds stdout and stderr.
  std::string sandbox;
  Resources resources;  // Requests: cpu shares, memory soft limit and OOM threshold.
  // By resource name (cpus, mem): hard limits; infinity means none.
  std::vector<std::pair<std::string, double>> limits;
  FrameworkId framework;  // For the fetcher's cache (per user) and for names in logs.
  // It goes on when the agent is gone; otherwise its shim ends it then.
  bool outlives_agent = true;
};

// A container that started, as far as it has to be known to be found again: what a checkpoint keeps
// of a launch beside the LaunchSpec. The kernel gives pids out again, so a process is named by its
// pid and its start: clock ticks since the machine's boot, as in /proc/<pid>/stat.
//
// A container outlives the agent only if the agent has recorded this durably: Recover destroys what
// nobody claims. So nothing is to be told about the container before it is recorded.
struct Launched {
  int pid = 0;  // Of the task's first process.
  uint64_t start_ticks = 0;
  int shim_pid = 0;
  uint64_t shim_start_ticks = 0;
  // Of the boot that the pids and ticks are of (/proc/sys/kernel/random/boot_id).
  std::string boot_id = {};
};

// How a container ended.
struct Termination {
  // As waitpid gives it; absent if the container never started or its shim vanished.
  std::optional<int> status;
  // Set if isolation ended it: REASON_CONTAINER_LIMITATION_MEMORY and others, with `message`
  // telling used and allowed amounts and `limited` naming the resource.
  std::optional<v1::TaskStatus::Reason> reason;
  std::string message;
  Resources limited;
};

// A container that the agent has recorded, for a containerizer of a later life of the agent.
struct RecoverSpec {
  // As it was launched, `resources` and `limits` as last updated. URIs are not fetched again.
  LaunchSpec launch;
  Launched launched;
};

// What became of the containers of the agent's life before.
struct Recovered {
  struct Ended {
    ContainerId id;
    Termination termination;  // Without a status if neither shim nor record of the end is left.
  };
  struct Refused {
    ContainerId id;
    Error error;
  };

  std::vector<ContainerId> running;  // As if launched by this containerizer.
  std::vector<Ended> ended;          // All of it is cleaned up. Nothing but Forget may follow.
  // Held by shims of a later version of Tepui, which this one cannot control. They are left as they
  // are: the agent must not go on as if they were not there.
  std::vector<Refused> refused;
  std::vector<ContainerId> orphans;  // Found and not claimed; destroyed.
  // The same, but their processes outlive SIGKILL, and may use what they had. It is sent again and
  // again; Wait tells when they are gone.
  std::vector<ContainerId> survivors;
};

// Results of starting a command in a running container (checks).
struct ExecResult {
  int status = 0;  // As waitpid gives it.
  bool timed_out = false;
};

// Starts, watches and ends containers. The policy (what runs, retries, what to report) is the agent
// core's; here is the mechanism. Called on the agent's thread; works on threads of its own; every
// callback runs on the agent's thread.
class Containerizer {
 public:
  virtual ~Containerizer() = default;

  // Takes back the containers that the agent's last life has left, once, before any other call. The
  // callback gets every container of `specs` in one of the lists of Recovered; for those that run,
  // set Wait in it. Meanwhile launches are refused. An error means that nothing was done: the agent
  // must not go on.
  using RecoverCallback = std::move_only_function<void(Result<Recovered>)>;
  virtual void Recover(std::vector<RecoverSpec> specs, RecoverCallback callback) = 0;

  // Fetches, isolates, starts. The callback runs once: with the pid when the task's program is
  // executing, or with what kept it from that (no such user, directory, binary, URI: kInvalid or
  // kNotFound; the sentence becomes the task's message), after which the container is gone and has
  // no termination.
  using LaunchCallback = std::move_only_function<void(Result<Launched>)>;
  virtual void Launch(LaunchSpec spec, LaunchCallback callback) = 0;

  // Runs once when the launched container has ended and everything of it is cleaned up; never while
  // a process of it lives, whatever keeps it from dying. At most one watcher a container; set it
  // right after Launch or in its callback. How the task ended stays on disk, for Recover, until
  // Forget.
  using TerminationCallback = std::move_only_function<void(Termination)>;
  virtual void Wait(const ContainerId& id, TerminationCallback callback) = 0;

  // The caller has recorded the end of this container, or needs it no more: what is kept of it
  // goes. Nothing happens if it has not ended.
  virtual void Forget(const ContainerId& id) = 0;

  // To the task's process group. False if there is no such container.
  virtual bool Signal(const ContainerId& id, int signal) = 0;

  // SIGKILL to everything in the container; its termination follows. Also aborts a launch that is
  // still fetching.
  virtual void Destroy(const ContainerId& id) = 0;

  // New requests and limits of a running container.
  virtual void Update(const ContainerId& id, const Resources& resources,
                      const std::vector<std::pair<std::string, double>>& limits) = 0;

  // Runs a command beside the container's task: same user, sandbox, environment (plus the
  // command's) and isolation. Killed with all its children after `timeout`.
  using ExecCallback = std::move_only_function<void(Result<ExecResult>)>;
  virtual void Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
                    ExecCallback callback) = 0;

  virtual void Usage(const ContainerId& id,
                     std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) = 0;
};

// Network checks of the agent's tasks, from the agent's host. Callbacks on the agent's thread.
class Prober {
 public:
  virtual ~Prober() = default;
  // GET; the HTTP status, or why there is none.
  virtual void Http(const std::string& scheme, const std::string& host, uint16_t port,
                    const std::string& path, Duration timeout,
                    std::move_only_function<void(Result<int>)> callback) = 0;
  // Whether a connection could be made.
  virtual void Tcp(const std::string& host, uint16_t port, Duration timeout,
                   std::move_only_function<void(Result<bool>)> callback) = 0;
};

// Directories of the agent that its core decides about. Callbacks on the agent's thread.
class Disk {
 public:
  virtual ~Disk() = default;
  // Creates the directory and its parents. The directory (not its parents) belongs to `user`
  // afterwards, also if it existed. If `link` is not empty it is the path of a symlink
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
  // The directories in the directory at `path`, links apart; none if it is missing.
  virtual Result<std::vector<Entry>> List(const std::string& path) = 0;
  // Removes the tree at `path` in the background; a missing path is success.
  virtual void Remove(const std::string& path, std::move_only_function<void(Status)> callback) = 0;
  // Gives the directory at `from` the name `to`, on the same file system; `to` gets its parents. On
  // return that is so for good, whatever happens to the machine. May be done again: nothing happens
  // if `to` is there, or `from` is not.
  virtual Status Move(const std::string& from, const std::string& to) = 0;
  // Removes all that is in the directory at `path` in the background, but not the directory; for
  // good, as above. A missing path is success.
  virtual void Empty(const std::string& path, std::move_only_function<void(Status)> callback) = 0;
  // Fraction used of the file system that holds `path`.
  virtual Result<double> UsedFraction(const std::string& path) = 0;
};

}  // namespace tepui::containers
