// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <queue>
#include <string>

#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "tepui/content_type.h"

namespace tepui::scheduler {

// A scheduler's connection to the leading master over the v1 scheduler API (reference 1.2, 9.3), in
// the manner of the Mesos v1 C++ library: the library finds the master, connects and reconnects;
// the scheduler subscribes when `connected` runs, sends calls and receives events.
//
// Life cycle of a connection: `connected` runs; the scheduler sends SUBSCRIBE, and sends it again
// (after a second, say) until a SUBSCRIBED event arrives, because a master that is still recovering
// answers 503; then it sends other calls. When the connection breaks, when the master stops sending
// heartbeats, or when another master leads, `disconnected` runs and later `connected` again. A
// SUBSCRIBE sent while one is in flight or the scheduler is subscribed, and any other call sent
// while it is not subscribed, are dropped and logged: after the next SUBSCRIBED event the scheduler
// has to decide again what to send anyway.
//
// Calls are sent in order. At most kMaxPendingCalls wait for an answer and kMaxPendingEvents for
// `received`; beyond either limit the connection is dropped and a new one is made.
//
// Callbacks run one at a time on a thread of the library, in order. They may block and may call
// Send, Call and Reconnect, but must not destroy the object. All methods are thread-safe.
class Mesos {
 public:
  static constexpr int kMaxPendingCalls = 10'000;
  static constexpr int kMaxPendingEvents = 100'000;

  using Connected = std::function<void()>;
  using Disconnected = std::function<void()>;
  // All events that arrived since the last call, oldest first; never empty. The library itself
  // injects an ERROR event when the master refuses a call in a way that a retry cannot repair.
  using Received = std::function<void(const std::queue<::mesos::v1::scheduler::Event>&)>;

  // `master` is "host:port" or "http://host:port" of a master; one that does not lead redirects to
  // the leader. The error describes what is wrong with `master`. With a credential, calls carry
  // HTTP basic authentication. Returns at once; the connection is made in the background.
  static std::expected<std::unique_ptr<Mesos>, std::string> Create(
      const std::string& master, ContentType content_type, Connected connected,
      Disconnected disconnected, Received received,
      const std::optional<::mesos::v1::Credential>& credential = std::nullopt);

  // Closes the connection, without TEARDOWN: the master waits for the framework's failover timeout.
  // No callback runs afterwards; blocks until one that is running has returned.
  virtual ~Mesos();

  // Sends without waiting; the outcome shows in events.
  virtual void Send(const ::mesos::v1::scheduler::Call& call);

  // Sends any call but SUBSCRIBE; the result is the master's answer: status 202, or the status and
  // body of UPDATE_FRAMEWORK. The error explains why there is none (not subscribed, connection
  // lost).
  using CallResult = std::expected<::mesos::v1::scheduler::APIResult, std::string>;
  virtual std::future<CallResult> Call(const ::mesos::v1::scheduler::Call& call);

  // Drops the connection and makes a new one, for a scheduler that notices a failure before missed
  // heartbeats reveal it.
  virtual void Reconnect();

 protected:
  Mesos();  // For mocks.

 private:
  class Impl;
  explicit Mesos(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::scheduler
