#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
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
    // The first attempt waits a random time up to this, so that the frameworks of a cluster do not
    // all arrive at a new leader at once; after each failure the bound doubles up to backoff_max.
    Duration connection_delay_max = std::chrono::milliseconds(500);
    Duration backoff_max = std::chrono::seconds(30);
    // A subscribed master silent for so many heartbeat intervals is given up.
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

  // Who leads, as a detector says, or nobody: then the core waits. To be called first of all, and
  // whenever that changes.
  void OnLeader(std::optional<Endpoint> leader);

  // The error says why the call was dropped.
  Status Send(const mesos::v1::scheduler::Call& call);

  // Any call but SUBSCRIBE. The callback runs once: with the answer, or with why there is none.
  using CallCallback = std::move_only_function<void(Result<mesos::v1::scheduler::APIResult>)>;
  void Call(const mesos::v1::scheduler::Call& call, CallCallback callback);

  // Nothing if it is disconnected already.
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
  // As the detector said.
  std::optional<Endpoint> detected_;
  // The leader that a redirect named, who knows better than the detector for the time being.
  std::optional<Endpoint> redirected_;
  int redirects_ = 0;  // In a row.
  int failures_ = 0;   // In a row.
  std::string stream_id_;
  TimerId connect_timer_ = 0;
  TimerId heartbeat_timer_ = 0;
  Duration silence_limit_{};  // Zero before the master told its interval.
  MonotonicTime last_record_{};
  // Answers still owed to Call: dropped connections answer none.
  uint64_t next_call_ = 1;
  std::map<uint64_t, CallCallback> calls_;
};

}  // namespace tepui::client
