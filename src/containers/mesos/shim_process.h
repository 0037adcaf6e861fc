// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/posix/file_descriptor.h"
#include "base/result.h"
#include "containers/mesos/poller.h"
#include "containers/mesos/runtime_directory.h"
#include "containers/mesos/shim_starter.h"
#include "shim/launch.h"

namespace tepui::containers {

// The agent's handle of a running shim. The shim keeps running when this object is destroyed.
// Thread-safe.
class ShimProcess : public std::enable_shared_from_this<ShimProcess> {
 public:
  // Called on the poller's thread.
  struct Observer {
    std::function<void(const shim::Event&)> on_event;
    // Called once, as the last call: the shim's process is gone.
    std::function<void()> on_gone;
  };

  // A shim that has not reported within this time that its task started, or why it could not, is
  // killed. While it holds its task the time does not pass.
  static constexpr Duration kStartTimeout = std::chrono::minutes(1);

  // Starts a shim and sends it the launch description. `name`, the container's id, is shown by ps.
  // Blocks while the shim reads a description larger than the socket's buffer, a few seconds at
  // most. With `listener` the shim can be attached to later.
  static Result<std::shared_ptr<ShimProcess>> Start(ShimStarter& starter, const std::string& name,
                                                    const shim::Launch& launch,
                                                    const FileDescriptor& listener);

  // The answer of a shim to an agent that did not start it.
  struct Attached;
  // Takes control of the container's shim. No other process can pose as it: it answers in a
  // directory that only the agent can enter, and the kernel reports the pid of the process that
  // listens there. Returns kNotFound if there is no shim (any more), kUnavailable if there is one
  // that does not answer within `patience` and whose process cannot be found in order to kill it.
  // Blocks.
  static Result<Attached> Attach(RuntimeDirectory& runtime, const ContainerId& id,
                                 Duration patience);

  enum class Origin { kStarted, kAttached };
  ShimProcess(pid_t pid, FileDescriptor pidfd, FileDescriptor control, Origin origin);
  ~ShimProcess();

  pid_t pid() const { return pid_; }
  uint64_t start_ticks() const { return start_ticks_; }  // From shim::StartTicks.

  // Makes the poller call `observer` until on_gone; the poller keeps this object alive until then.
  // To be called once.
  void Observe(Poller& poller, Observer observer);

  // Lets a task that is held start.
  void Go();
  // Sends a signal to every process of the task (shim::Command::kSignal).
  void Signal(int signal);
  // Sends SIGKILL to every process of the task until none is left.
  void Kill();
  // Sends SIGKILL to the shim itself, if it does not answer. That also kills the task's first
  // process; its other processes may survive.
  void Abandon();
  // Waits until the shim's process is gone or `timeout` has passed; returns whether it is gone. Not
  // to be called after Observe.
  bool AwaitGone(Duration timeout) const;

 private:
  void AwaitStart();
  void Send(const shim::Command& command);
  bool OnControl();
  bool OnExit();
  bool ReadEvents();
  void OnEvent(const shim::Event& event);

  const pid_t pid_;
  const uint64_t start_ticks_;
  const Origin origin_;
  FileDescriptor pidfd_;
  FileDescriptor control_;
  std::atomic<bool> held_ = false;

  // Set by Observe, then used by the poller's thread only.
  Poller* poller_ = nullptr;
  Observer observer_;
  TimerId start_deadline_ = 0;
  std::string received_;  // Less than one event.
  bool gone_ = false;
};

struct ShimProcess::Attached {
  enum class Answer {
    kWelcome,       // This agent is in control.
    kOtherVersion,  // This agent cannot control it; `welcome` names its versions.
    kNone,          // It does not answer. Only Abandon is possible.
  };
  Answer answer = Answer::kNone;
  shim::Welcome welcome = {};  // Unless kNone.
  std::shared_ptr<ShimProcess> shim;
};

}  // namespace tepui::containers
