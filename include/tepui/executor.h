// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>

#include "mesos/v1/executor/executor.pb.h"
#include "mesos/v1/mesos.pb.h"
#include "tepui/content_type.h"

namespace tepui::executor {

// An executor's connection to its agent over the v1 executor API (reference 1.3), in the manner of
// the Mesos v1 C++ library. The address of the agent and the settings come from the environment
// that the agent made (reference 7.5).
//
// After `connected` has run, the executor sends SUBSCRIBE with the tasks and updates that are not
// acknowledged. It sends SUBSCRIBE again (after a second, say) until a SUBSCRIBED event arrives,
// because a recovering agent answers 503. When the connection breaks, an executor of a
// checkpointing framework is reconnected after random delays of at most
// MESOS_SUBSCRIPTION_BACKOFF_MAX, until MESOS_RECOVERY_TIMEOUT has passed; then it receives
// SHUTDOWN. An executor of a framework that does not checkpoint receives SHUTDOWN at once. After a
// SHUTDOWN event, whether injected or from the agent, the process has
// MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD to end; then its process group is killed (not if MESOS_LOCAL
// is set). Calls sent in the wrong state are dropped and logged; threads and bounds are
// as in tepui/scheduler.h.
class Mesos {
 public:
  using Connected = std::function<void()>;
  using Disconnected = std::function<void()>;
  using Received = std::function<void(const std::queue<::mesos::v1::executor::Event>&)>;

  // Uses the environment of the process, and removes the authentication token from it so that
  // children do not see it. The error names the variable that is missing or wrong.
  static std::expected<std::unique_ptr<Mesos>, std::string> Create(ContentType content_type,
                                                                   Connected connected,
                                                                   Disconnected disconnected,
                                                                   Received received);
  // Uses the given environment.
  static std::expected<std::unique_ptr<Mesos>, std::string> Create(
      ContentType content_type, Connected connected, Disconnected disconnected, Received received,
      const std::map<std::string, std::string>& environment);

  virtual ~Mesos();

  virtual void Send(const ::mesos::v1::executor::Call& call);

 protected:
  Mesos();  // For mocks.

 private:
  class Impl;
  explicit Mesos(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::executor
