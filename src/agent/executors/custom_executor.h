// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "agent/executors/executor.h"
#include "agent/services/services.h"
#include "base/timer.h"
#include "mesos/v1/executor/executor.pb.h"

namespace tepui::agent {

// A framework's own executor: a process in a container that speaks the v1 executor API
// (reference 1.3, 5.2).
//
//   Start -> REGISTERING -> Subscribe -> RUNNING -> Shutdown -> TERMINATING -> ended
//
// The executor has options.executor_registration_timeout to subscribe, options.recovery_timeout to
// subscribe again when its stream has ended, and the grace period of Shutdown to end by itself.
// When one of these has passed, its container is destroyed.
class CustomExecutor final : public ExecutorRun {
 public:
  using Call = mesos::v1::executor::Call;
  using Event = mesos::v1::executor::Event;

  // `agent` is the AgentInfo that SUBSCRIBED carries; it outlives this.
  CustomExecutor(const Services& services, ExecutorHost& host, Executor& executor,
                 const v1::AgentInfo& agent);

  void Start() override;
  void OnQueued() override;
  void Kill(const TaskId& task, const std::optional<v1::KillPolicy>& policy) override;
  void Shutdown(Duration grace) override;
  void Restore(const Saved::Executor& saved, std::vector<containers::RecoverSpec>& claims) override;
  void Resume(const Endings& endings) override;
  CustomExecutor* custom() override { return this; }

  // The executor's own calls, already validated and authorized. Subscribe replaces the stream that
  // it had.
  void Subscribe(StreamId stream, const Call::Subscribe& subscribe);
  void OnStreamClosed();
  StreamId stream() const { return stream_; }

  // The agent has taken responsibility for this status.
  void Acknowledge(const TaskId& task, const std::string& uuid);
  // Returns false if the executor is not connected or not running.
  bool Message(const std::string& data);
  // A task ended. The container's resources and limits are reduced.
  void OnTaskEnded();

  // The pid of its container's first process; 0 if it does not run.
  int pid() const { return process_ ? process_->pid : 0; }

 private:
  Result<containers::LaunchSpec> MakeLaunch() const;
  void OnLaunched(Result<containers::Launched> result);
  void FailLaunch(const std::string& message);
  void AwaitEnd();
  // Destroys the container if the executor does not subscribe within `timeout`.
  void Expect(Duration timeout, v1::TaskStatus::Reason reason, const std::string& verb);
  void EndWithin(Duration grace);
  void OnTerminated(const containers::Termination& termination);
  void Destroy(v1::TaskStatus::Reason reason, std::string message);
  void Disconnect();
  void DropUndelivered(const Call::Subscribe& subscribe);
  // Delivers what is queued now, when that is saved.
  void DeliverWhenSaved();
  void Deliver(uint64_t last);
  void SendDelivery(const Executor::Delivery& delivery);
  Status LinkTaskVolumes(const Executor::Delivery& delivery) const;
  void UpdateContainer();
  void SendKill(const TaskId& task, const std::optional<v1::KillPolicy>& policy);
  void Beat();
  void Send(Event event);

  const Services& services_;
  ExecutorHost& host_;
  Executor& executor_;
  const v1::AgentInfo& agent_;

  bool launched_ = false;
  std::optional<containers::Launched> process_;  // Set while it runs.
  StreamId stream_ = 0;
  // The reason why the agent destroyed the container.
  std::optional<v1::TaskStatus::Reason> reason_;
  std::string message_;
  // Kills that came while the executor was disconnected.
  std::unordered_map<TaskId, std::optional<v1::KillPolicy>> kills_;

  Timer deadline_;  // The deadline to subscribe, or to end.
  Timer heartbeat_;
  Lifetime lifetime_;
};

}  // namespace tepui::agent
