// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "base/timer.h"
#include "client/connection_state.h"
#include "client/link.h"
#include "mesos/v1/executor/executor.pb.h"
#include "wire/content_type.h"

namespace tepui::client {

// What an executor learns from the environment variables that its agent sets (reference 7.5).
struct ExecutorEnvironment {
  Endpoint agent;            // MESOS_DOMAIN_SOCKET, MESOS_AGENT_ENDPOINT, MESOS_SLAVE_PID.
  std::string framework_id;  // MESOS_FRAMEWORK_ID.
  std::string executor_id;   // MESOS_EXECUTOR_ID.
  std::string token;         // MESOS_EXECUTOR_AUTHENTICATION_TOKEN; may be empty.
  bool checkpoint = false;   // MESOS_CHECKPOINT.
  bool local = false;        // MESOS_LOCAL.
  Duration recovery_timeout =
      std::chrono::minutes(15);  // MESOS_RECOVERY_TIMEOUT; required if checkpoint.
  Duration subscription_backoff_max =
      std::chrono::seconds(2);  // MESOS_SUBSCRIPTION_BACKOFF_MAX; required if checkpoint.
  Duration shutdown_grace_period =
      std::chrono::seconds(5);  // MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD; required.

  // The error names every variable that is missing or wrong.
  static Result<ExecutorEnvironment> Parse(const std::map<std::string, std::string>& environment);
};

// What tepui::executor::Mesos does, without its threads (reference 1.3). Pure and single-threaded;
// callbacks may call back in.
class ExecutorCore {
 public:
  using State = ConnectionState;

  struct Options {
    ExecutorEnvironment environment;
    wire::ContentType content_type = wire::ContentType::kProtobuf;
    Duration heartbeat_interval =
        std::chrono::minutes(30);  // Interval of HEARTBEAT calls, which keep idle connections open.
  };

  struct Callbacks {
    std::function<void()> connected;
    std::function<void()> disconnected;
    std::function<void(mesos::v1::executor::Event)> received;
    // Runs once, when the grace period after SHUTDOWN is over.
    std::function<void()> kill;
  };

  ExecutorCore(Options options, Clock& clock, Random& random, Link& link, Callbacks callbacks);
  ~ExecutorCore();
  ExecutorCore(const ExecutorCore&) = delete;
  ExecutorCore& operator=(const ExecutorCore&) = delete;

  void Start();

  // The error explains why the call was dropped.
  Status Send(const mesos::v1::executor::Call& call);

  // For a process that handles its events too slowly.
  void Reconnect(const std::string& reason);

  State state() const { return state_; }

 private:
  using ExecutorCall = mesos::v1::executor::Call;

  void Connect();
  void OnConnected(const Status& status);
  void Disconnected(const std::string& reason);
  void Subscribe(const ExecutorCall& call);
  void OnSubscribeResponse(const net::Response& response);
  void OnRefusal(ExecutorCall::Type type, const net::Response& response);
  void OnRecord(const std::string& record);
  void Receive(mesos::v1::executor::Event event);
  void Inject(std::string message);
  void ShutDown(const std::string& reason);
  void Heartbeat();

  const Options options_;
  Random& random_;
  Link& link_;
  const Callbacks callbacks_;

  State state_ = State::kDisconnected;
  bool shutting_down_ = false;
  Timer connect_timer_;
  Timer recovery_timer_;  // Runs from the loss of a connection until the next one.
  Timer heartbeat_timer_;
  Timer kill_timer_;
};

}  // namespace tepui::client
