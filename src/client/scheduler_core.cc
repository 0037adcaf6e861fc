// SPDX-License-Identifier: Apache-2.0
#include "client/scheduler_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "base/seconds.h"
#include "client/location.h"

namespace tepui::client {
namespace {

using mesos::v1::scheduler::APIResult;
using mesos::v1::scheduler::Event;
using SchedulerCall = mesos::v1::scheduler::Call;

// Limit for redirects, because masters may name each other as leader.
constexpr int kMaxRedirects = 5;

}  // namespace

SchedulerCore::SchedulerCore(Options options, Clock& clock, Random& random, Link& link,
                             Callbacks callbacks)
    : options_(std::move(options)),
      clock_(clock),
      random_(random),
      link_(link),
      callbacks_(std::move(callbacks)),
      connect_timer_(clock),
      heartbeat_timer_(clock) {}

SchedulerCore::~SchedulerCore() {
  link_.Disconnect();
  for (auto& [id, callback] : std::exchange(calls_, {}))
    callback(Fail(Code::kUnavailable, "the client was closed"));
}

void SchedulerCore::OnLeader(std::optional<Endpoint> leader) {
  if (leader && leader == detected_) return;
  if (state_ != State::kDisconnected) {
    Disconnected(leader ? fmt::format("the leading master is now at {}", ToString(*leader))
                        : "there is no leading master any more");
  }
  detected_ = std::move(leader);
  redirected_.reset();
  failures_ = 0;
  connect_timer_.Cancel();
  ScheduleConnect();
}

void SchedulerCore::ScheduleConnect() {
  if (!redirected_ && !detected_) return;
  // Doubling 16 times exceeds every sensible bound; more would overflow.
  const Duration bound =
      std::min(options_.backoff_max,
               options_.connection_delay_max * (int64_t{1} << std::min(failures_, 16)));
  const auto delay = std::chrono::duration_cast<Duration>(random_.Fraction() * bound);
  connect_timer_.Set(delay, [this] { Connect(); });
}

void SchedulerCore::Connect() {
  assert(state_ == State::kDisconnected);
  state_ = State::kConnecting;
  link_.Connect(Master(), [this](Status status) { OnConnected(status); });
}

void SchedulerCore::OnConnected(const Status& status) {
  if (!status) return Disconnected(status.error().message);
  state_ = State::kConnected;
  spdlog::debug("Connected to the master at {}", ToString(Master()));
  callbacks_.connected();
}

void SchedulerCore::Disconnected(const std::string& reason, std::optional<Endpoint> leader) {
  const bool was_connected = state_ != State::kConnecting && state_ != State::kDisconnected;
  spdlog::info("Disconnected from the master at {}: {}", ToString(Master()), reason);
  link_.Disconnect();
  heartbeat_timer_.Cancel();
  connect_timer_.Cancel();
  state_ = State::kDisconnected;
  stream_id_.clear();
  silence_limit_ = Duration::zero();
  // After a failure the core asks the detected master again: it knows the new leader, or it is the
  // only one.
  redirected_ = std::move(leader);
  if (!redirected_) redirects_ = 0;
  ScheduleConnect();
  ++failures_;
  std::map<uint64_t, CallCallback> unanswered = std::exchange(calls_, {});
  for (auto& [id, callback] : unanswered) {
    callback(Fail(Code::kUnavailable, "the connection to the master was lost: {}", reason));
  }
  if (was_connected) callbacks_.disconnected();
}

void SchedulerCore::Reconnect(const std::string& reason) {
  if (state_ == State::kDisconnected) return;
  Disconnected(reason);
}

Status SchedulerCore::CheckSendable(const SchedulerCall& call) const {
  if (!call.IsInitialized()) {
    return Fail(Code::kInvalid, "{} lacks {}", SchedulerCall::Type_Name(call.type()),
                call.InitializationErrorString());
  }
  const State needed =
      call.type() == SchedulerCall::SUBSCRIBE ? State::kConnected : State::kSubscribed;
  if (state_ != needed) {
    return Fail(Code::kUnavailable, "{} cannot be sent while the scheduler is {}",
                SchedulerCall::Type_Name(call.type()), Name(state_));
  }
  return {};
}

Status SchedulerCore::Send(const SchedulerCall& call) {
  if (Status sendable = CheckSendable(call); !sendable) return sendable;
  if (call.type() == SchedulerCall::SUBSCRIBE) {
    Subscribe(call);
  } else {
    link_.Post(wire::Encode(call, options_.content_type), stream_id_,
               [this, type = call.type()](Result<net::Response> response) {
                 OnSendResult(type, response);
               });
  }
  return {};
}

void SchedulerCore::Call(const SchedulerCall& call, CallCallback callback) {
  if (call.type() == SchedulerCall::SUBSCRIBE) {
    return callback(Fail(Code::kInvalid, "SUBSCRIBE has no single answer: use Send for it"));
  }
  if (const Status sendable = CheckSendable(call); !sendable)
    return callback(Fail(sendable.error()));
  const uint64_t id = next_call_++;
  calls_.emplace(id, std::move(callback));
  link_.Post(wire::Encode(call, options_.content_type), stream_id_,
             [this, id](Result<net::Response> response) {
               // A failure drops the connection, which answers this call along with the others.
               if (!response) return Disconnected(response.error().message);
               auto pending = calls_.extract(id);
               assert(!pending.empty());  // The link runs no callback after Disconnect.
               APIResult result;
               result.set_status_code(response->status);
               if (response->status != 200 && response->status != 202) {
                 result.set_error(fmt::format("The master answered {}", Describe(*response)));
               } else if (!response->body.empty()) {
                 const Status decoded =
                     wire::Decode(response->body, options_.content_type, result.mutable_response());
                 if (!decoded) return pending.mapped()(Fail(decoded.error()));
               }
               pending.mapped()(std::move(result));
             });
}

void SchedulerCore::Subscribe(const SchedulerCall& call) {
  state_ = State::kSubscribing;
  link_.Subscribe(
      wire::Encode(call, options_.content_type),
      {.on_response = [this](const net::Response& response) { OnSubscribeResponse(response); },
       .on_record = [this](const std::string& record) { OnRecord(record); },
       .on_end = [this](const std::string& reason) { Disconnected(reason); }});
}

void SchedulerCore::OnSubscribeResponse(const net::Response& response) {
  if (response.status == 200) {
    const std::string* stream_id = response.headers.Find("Mesos-Stream-Id");
    if (stream_id == nullptr)
      return Disconnected("the master answered SUBSCRIBE without Mesos-Stream-Id");
    stream_id_ = *stream_id;
    state_ = State::kSubscribed;
    failures_ = 0;
    redirects_ = 0;
    last_record_ = clock_.Now();
    return;
  }
  // A master that is recovering, or has no routes yet, may accept the next SUBSCRIBE.
  state_ = State::kConnected;
  switch (response.status) {
    case 307:
      return Follow(response);
    case 404:
    case 503:
      spdlog::warn("The master answered {} to SUBSCRIBE", Describe(response));
      return;
    default:
      Inject(fmt::format("The master answered {} to SUBSCRIBE", Describe(response)));
  }
}

void SchedulerCore::OnSendResult(SchedulerCall::Type type, const Result<net::Response>& response) {
  if (!response) return Disconnected(response.error().message);
  switch (response->status) {
    case 200:
    case 202:
      return;
    case 307:
      return Follow(*response);
    case 404:
    case 503:
      spdlog::warn("The master answered {} to {}", Describe(*response),
                   SchedulerCall::Type_Name(type));
      return;
    default:
      Inject(fmt::format("The master answered {} to {}", Describe(*response),
                         SchedulerCall::Type_Name(type)));
  }
}

void SchedulerCore::Follow(const net::Response& response) {
  const std::string* location = response.headers.Find("Location");
  if (location == nullptr) return Disconnected("the master sent a redirect without a location");
  Result<Endpoint> leader = ParseLocation(*location, Master().scheme);
  if (!leader)
    return Disconnected(fmt::format("the master sent a redirect that cannot be followed: {}",
                                    leader.error().message));
  if (++redirects_ > kMaxRedirects) return Disconnected("the masters redirect in a circle");
  const std::string reason = fmt::format("the leading master is now at {}", ToString(*leader));
  Disconnected(reason, std::move(*leader));
}

void SchedulerCore::OnRecord(const std::string& record) {
  last_record_ = clock_.Now();
  Event event;
  if (const Status decoded = wire::Decode(record, options_.content_type, &event); !decoded) {
    return Inject(
        fmt::format("The master sent an event that cannot be read: {}", decoded.error().message));
  }
  if (event.type() == Event::SUBSCRIBED && event.subscribed().heartbeat_interval_seconds() > 0) {
    // Longer intervals than a day are useless, and five of them could overflow.
    const double seconds = std::min(event.subscribed().heartbeat_interval_seconds(), 86'400.0);
    silence_limit_ = FromSeconds(seconds) * options_.max_missed_heartbeats;
    heartbeat_timer_.Set(silence_limit_, [this] { CheckHeartbeats(); });
  }
  callbacks_.received(std::move(event));
}

void SchedulerCore::CheckHeartbeats() {
  const Duration silent = clock_.Now() - last_record_;
  if (silent >= silence_limit_) return Disconnected("the master stopped sending heartbeats");
  heartbeat_timer_.Set(silence_limit_ - silent, [this] { CheckHeartbeats(); });
}

void SchedulerCore::Inject(std::string message) {
  Event event;
  event.set_type(Event::ERROR);
  event.mutable_error()->set_message(std::move(message));
  callbacks_.received(std::move(event));
}

}  // namespace tepui::client
