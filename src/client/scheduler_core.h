// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/timer.h"
#include "client/connection_state.h"
#include "client/link.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/content_type.h"

namespace tepui::client {

// What tepui::scheduler::Mesos does, without its threads (reference 1.2, 9.3): finds the master,
// connects after a random delay, carries SUBSCRIBE and the other calls, watches the heartbeats,
// follows the leader and reconnects with growing delays. Pure and single-threaded; callbacks may
// call back in.
class SchedulerCore {
 public:
  using State = ConnectionState;

  struct Options {
    wire::ContentType content_type = wire::ContentType::kProtobuf;
    // The first attempt waits a random time up to this bound, so that the frameworks of a cluster
    // do not all reach a new leader at once; each failure doubles the bound, up to backoff_max.
    Duration connection_delay_max = std::chrono::milliseconds(500);
    Duration backoff_max = std::chrono::seconds(30);
    // The connection to a subscribed master is dropped after this many heartbeat intervals of
    // silence.
    int max_missed_heartbeats = 5;
  };

  struct Callbacks {
    std::function<void()> connected;
    std::function<void()> disconnected;
    std::function<void(mesos::v1::scheduler::Event)> received;
  };

  SchedulerCore(Options options, Clock& clock, Random& random, Link& link, Callbacks callbacks);
  ~SchedulerCore();
  SchedulerCore(const SchedulerCore&) = delete;
  SchedulerCore& operator=(const SchedulerCore&) = delete;

  // The leader that the detector reports; the core waits while there is none. Must be called before
  // anything else, and on every change.
  void OnLeader(std::optional<Endpoint> leader);

  // The error explains why the call was dropped.
  Status Send(const mesos::v1::scheduler::Call& call);

  // Sends any call but SUBSCRIBE. The callback runs once, with the answer or with the reason why
  // there is none.
  using CallCallback = std::move_only_function<void(Result<mesos::v1::scheduler::APIResult>)>;
  void Call(const mesos::v1::scheduler::Call& call, CallCallback callback);

  // Does nothing if the core is disconnected already.
  void Reconnect(const std::string& reason);

  State state() const { return state_; }

 private:
  using SchedulerCall = mesos::v1::scheduler::Call;

  Endpoint Master() const { return redirected_ ? *redirected_ : detected_.value_or(Endpoint()); }
  void ScheduleConnect();
  void Connect();
  void OnConnected(const Status& status);
  void Disconnected(const std::string& reason, std::optional<Endpoint> leader = std::nullopt);
  Status CheckSendable(const SchedulerCall& call) const;
  void Subscribe(const SchedulerCall& call);
  void OnSubscribeResponse(const net::Response& response);
  void OnRecord(const std::string& record);
  void OnSendResult(SchedulerCall::Type type, const Result<net::Response>& response);
  void Follow(const net::Response& response);
  void CheckHeartbeats();
  void Inject(std::string message);

  const Options options_;
  Clock& clock_;
  Random& random_;
  Link& link_;
  const Callbacks callbacks_;

  State state_ = State::kDisconnected;
  // The leader that the detector reported.
  std::optional<Endpoint> detected_;
  // The leader that a redirect named; it takes precedence over `detected_` for the time being.
  std::optional<Endpoint> redirected_;
  int redirects_ = 0;  // Consecutive redirects.
  int failures_ = 0;   // Consecutive failures.
  std::string stream_id_;
  Timer connect_timer_;
  Timer heartbeat_timer_;
  Duration silence_limit_{};  // Zero until the master has sent its heartbeat interval.
  MonotonicTime last_record_{};
  // Answers owed to Call; dropped connections answer none of them.
  uint64_t next_call_ = 1;
  std::map<uint64_t, CallCallback> calls_;
};

}  // namespace tepui::client
