// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "container/launch_spec.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::containers {

// What identifies the processes of a started container: a checkpoint keeps it beside the LaunchSpec
// so that the container can be found again. The kernel reuses pids, so a process is identified by
// its pid and its start time: clock ticks since the machine's boot, as in /proc/<pid>/stat.
//
// A container outlives the agent only if the agent has recorded its LaunchSpec durably, because
// Recover destroys containers that are not claimed. Recover finds out what is here if the agent
// ended before it had recorded that too.
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
  // Without a pid if the agent had not recorded that the container started. The boot is then that
  // in which it was to start.
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
  std::map<ContainerId, Launched> processes;  // Of those that run.
  // Their programs never ran, for certain, and never will. Nothing is left of them.
  std::vector<ContainerId> not_started;
  std::vector<Ended> ended;  // Cleaned up completely; only Forget may follow.
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

  // Fetches, isolates and starts the container; the program of one that outlives the agent (see
  // LaunchSpec) is not executed before Go. The callback runs once: with the pid as soon as the
  // task's program is executing, or with an error (for a missing user, directory, binary or URI:
  // kInvalid or kNotFound) whose sentence becomes the task's message. After an error the container
  // is gone, and no termination follows.
  using LaunchCallback = std::move_only_function<void(Result<Launched>)>;
  virtual void Launch(LaunchSpec spec, LaunchCallback callback) = 0;

  // Lets the program of a container that outlives the agent run, now or as soon as everything is
  // prepared. Called when the container is recorded durably: if the agent ends before this call,
  // the program never runs. Does nothing if there is no such container, or it is to be destroyed.
  virtual void Go(const ContainerId& id) = 0;

  // The callback runs once, when the launched container has ended and is cleaned up completely;
  // never while one of its processes is alive, for whatever reason. A container has at most one
  // watcher; set it right after Launch or in its callback. How the task ended stays on disk, for
  // Recover, until Forget.
  using TerminationCallback = std::move_only_function<void(Termination)>;
  virtual void Wait(const ContainerId& id, TerminationCallback callback) = 0;

  // Removes what is kept of an ended container, because the caller has recorded its end or does not
  // need it. Does nothing if the container has not ended.
  virtual void Forget(const ContainerId& id) = 0;

  // Sends `signal` to every process of the container. From SIGTERM on the container ends with its
  // last process and not with its first one, so that all have the time until Destroy. Returns false
  // if the container does not run.
  virtual bool Signal(const ContainerId& id, int signal) = 0;

  // Sends SIGKILL to everything in the container; its termination follows. Also aborts a launch
  // that is still fetching.
  virtual void Destroy(const ContainerId& id) = 0;

  // Sets new requests and limits of a running container.
  virtual void Update(const ContainerId& id, const Resources& resources, const Limits& limits) = 0;

  // Runs a command beside the container's task, with the same user, sandbox, environment (plus the
  // command's) and isolation. The command and all its children are killed after `timeout`.
  using ExecCallback = std::move_only_function<void(Result<ExecResult>)>;
  virtual void Exec(const ContainerId& id, v1::CommandInfo command, Duration timeout,
                    ExecCallback callback) = 0;

  virtual void Usage(const ContainerId& id,
                     std::move_only_function<void(Result<v1::ResourceStatistics>)> callback) = 0;
};

}  // namespace tepui::containers
