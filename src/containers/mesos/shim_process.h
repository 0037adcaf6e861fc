#pragma once

#include <sys/types.h>

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

// A running shim, seen from the agent. It goes on when this object ends. Thread-safe.
class ShimProcess : public std::enable_shared_from_this<ShimProcess> {
 public:
  // Called on the poller's thread.
  struct Observer {
    std::function<void(const shim::Event&)> on_event;
    // The last call, once: the shim's process is gone.
    std::function<void()> on_gone;
  };

  // A shim that has not said within this that its task started, or why not, is killed.
  static constexpr Duration kStartTimeout = std::chrono::minutes(1);

  // Starts a shim and hands it the launch description. `name` is for ps: the container's id. Blocks
  // while the shim reads a description larger than the socket's buffer, a few seconds at most. With
  // `listener` the shim can be attached to later.
  static Result<std::shared_ptr<ShimProcess>> Start(ShimStarter& starter, const std::string& name,
                                                    const shim::Launch& launch,
                                                    const FileDescriptor& listener);

  // What a shim answers to an agent that did not start it.
  struct Attached;
  // Takes control of the container's shim. It is certain to be it: it answers in a directory that
  // is the agent's alone, and its pid is what the kernel says of who listens there. kNotFound if
  // there is no shim (any more), kUnavailable if there is one that does not answer within
  // `patience` and cannot be found to be killed. Blocks.
  static Result<Attached> Attach(RuntimeDirectory& runtime, const ContainerId& id,
                                 Duration patience);

  enum class Origin { kStarted, kAttached };
  ShimProcess(pid_t pid, FileDescriptor pidfd, FileDescriptor control, Origin origin);
  ~ShimProcess();

  pid_t pid() const { return pid_; }
  uint64_t start_ticks() const { return start_ticks_; }  // As shim::StartTicks gives it.

  // Has the poller call `observer` until on_gone; the shim is kept alive by the poller until then.
  // Once.
  void Observe(Poller& poller, Observer observer);

  // To the task's process group; nothing happens if the task has ended.
  void Signal(int signal);
  // SIGKILL to every process of the task until none is left.
  void Kill();
  // SIGKILL to the shim itself, for one that does not answer; the task's first process goes with
  // it, the rest may live on.
  void Abandon();
  // Whether the shim's process is gone, or is gone before `timeout` is over. Not after Observe.
  bool AwaitGone(Duration timeout) const;

 private:
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

  // Set by Observe, then the poller's thread only.
  Poller* poller_ = nullptr;
  Observer observer_;
  TimerId start_deadline_ = 0;
  std::string received_;  // Less than one event.
  bool gone_ = false;
};

struct ShimProcess::Attached {
  enum class Answer {
    kWelcome,       // We are in control.
    kOtherVersion,  // We cannot be; it has said what it speaks.
    kNone,          // It does not answer. All that can be done is Abandon.
  };
  Answer answer = Answer::kNone;
  shim::Welcome welcome = {};  // Unless kNone.
  std::shared_ptr<ShimProcess> shim;
};

}  // namespace tepui::containers
