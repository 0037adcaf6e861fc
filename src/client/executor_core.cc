// SPDX-License-Identifier: Apache-2.0
#include "client/executor_core.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"

namespace tepui::client {
namespace {

using mesos::v1::executor::Event;
using ExecutorCall = mesos::v1::executor::Call;

}  // namespace

ExecutorCore::ExecutorCore(Options options, Clock& clock, Random& random, Link& link,
                           Callbacks callbacks)
    : options_(std::move(options)),
      random_(random),
      link_(link),
      callbacks_(std::move(callbacks)),
      connect_timer_(clock),
      recovery_timer_(clock),
      heartbeat_timer_(clock),
      kill_timer_(clock) {}

ExecutorCore::~ExecutorCore() { link_.Disconnect(); }

void ExecutorCore::Start() {
  Connect();
  heartbeat_timer_.Set(options_.heartbeat_interval, [this] { Heartbeat(); });
}

void ExecutorCore::Connect() {
  state_ = State::kConnecting;
  link_.Connect(options_.environment.agent, [this](Status status) { OnConnected(status); });
}

void ExecutorCore::OnConnected(const Status& status) {
  if (!status) return Disconnected(status.error().message);
  state_ = State::kConnected;
  recovery_timer_.Cancel();
  callbacks_.connected();
}

// Reference 1.3: only an executor that checkpoints, and had a connection, waits for its agent to
// come back.
void ExecutorCore::Disconnected(const std::string& reason) {
  const bool was_connected = state_ != State::kConnecting && state_ != State::kDisconnected;
  spdlog::info("Disconnected from the agent at {}: {}", ToString(options_.environment.agent),
               reason);
  link_.Disconnect();
  state_ = State::kDisconnected;
  const bool retry = options_.environment.checkpoint &&
                     (was_connected || recovery_timer_.pending()) && !shutting_down_;
  if (retry) {
    if (!recovery_timer_.pending()) {
      recovery_timer_.Set(options_.environment.recovery_timeout, [this, reason] {
        connect_timer_.Cancel();
        link_.Disconnect();
        state_ = State::kDisconnected;
        ShutDown(fmt::format("the agent did not reconnect within the recovery timeout after: {}",
                             reason));
      });
    }
    const auto delay = std::chrono::duration_cast<Duration>(
        random_.Fraction() * options_.environment.subscription_backoff_max);
    connect_timer_.Set(delay, [this] { Connect(); });
  }
  if (was_connected) callbacks_.disconnected();
  if (!retry) ShutDown(reason);
}

void ExecutorCore::Reconnect(const std::string& reason) {
  if (state_ != State::kDisconnected) Disconnected(reason);
}

Status ExecutorCore::Send(const ExecutorCall& call) {
  if (!call.IsInitialized()) {
    return Fail(Code::kInvalid, "{} lacks {}", ExecutorCall::Type_Name(call.type()),
                call.InitializationErrorString());
  }
  const State needed =
      call.type() == ExecutorCall::SUBSCRIBE ? State::kConnected : State::kSubscribed;
  if (state_ != needed) {
    return Fail(Code::kUnavailable, "{} cannot be sent while the executor is {}",
                ExecutorCall::Type_Name(call.type()), Name(state_));
  }
  if (call.type() == ExecutorCall::SUBSCRIBE) {
    Subscribe(call);
    return {};
  }
  link_.Post(wire::Encode(call, options_.content_type), "",
             [this, type = call.type()](Result<net::Response> response) {
               if (!response) return Disconnected(response.error().message);
               if (response->status != 202) OnRefusal(type, *response);
             });
  return {};
}

void ExecutorCore::Subscribe(const ExecutorCall& call) {
  state_ = State::kSubscribing;
  link_.Subscribe(
      wire::Encode(call, options_.content_type),
      {.on_response = [this](const net::Response& response) { OnSubscribeResponse(response); },
       .on_record = [this](const std::string& record) { OnRecord(record); },
       .on_end = [this](const std::string& reason) { Disconnected(reason); }});
}

void ExecutorCore::OnSubscribeResponse(const net::Response& response) {
  if (response.status == 200) {
    state_ = State::kSubscribed;
    return;
  }
  state_ = State::kConnected;
  OnRefusal(ExecutorCall::SUBSCRIBE, response);
}

void ExecutorCore::OnRefusal(ExecutorCall::Type type, const net::Response& response) {
  const std::string sentence =
      fmt::format("The agent answered {} to {}", Describe(response), ExecutorCall::Type_Name(type));
  // An agent that is recovering, or has no routes yet, may accept the next attempt.
  if (response.status == 503 || response.status == 404) {
    spdlog::warn(sentence);
  } else {
    Inject(sentence);
  }
}

void ExecutorCore::OnRecord(const std::string& record) {
  Event event;
  if (const Status decoded = wire::Decode(record, options_.content_type, &event); !decoded) {
    return Inject(
        fmt::format("The agent sent an event that cannot be read: {}", decoded.error().message));
  }
  Receive(std::move(event));
}

void ExecutorCore::Receive(Event event) {
  if (event.type() == Event::SHUTDOWN && !std::exchange(shutting_down_, true) &&
      !options_.environment.local) {
    kill_timer_.Set(options_.environment.shutdown_grace_period, [this] { callbacks_.kill(); });
  }
  callbacks_.received(std::move(event));
}

void ExecutorCore::Inject(std::string message) {
  Event event;
  event.set_type(Event::ERROR);
  event.mutable_error()->set_message(std::move(message));
  Receive(std::move(event));
}

void ExecutorCore::ShutDown(const std::string& reason) {
  if (shutting_down_) return;
  spdlog::info("Shutting the executor down: {}", reason);
  Event event;
  event.set_type(Event::SHUTDOWN);
  Receive(std::move(event));
}

void ExecutorCore::Heartbeat() {
  heartbeat_timer_.Set(options_.heartbeat_interval, [this] { Heartbeat(); });
  if (state_ != State::kSubscribed) return;
  ExecutorCall call;
  call.set_type(ExecutorCall::HEARTBEAT);
  call.mutable_framework_id()->set_value(options_.environment.framework_id);
  call.mutable_executor_id()->set_value(options_.environment.executor_id);
  if (const Status sent = Send(call); !sent)
    spdlog::warn("No heartbeat was sent: {}", sent.error().message);
}

}  // namespace tepui::client
