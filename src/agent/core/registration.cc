// SPDX-License-Identifier: Apache-2.0
#include "agent/core/registration.h"

#include <chrono>

#include "base/log.h"
#include "base/seconds.h"
#include "base/units.h"

namespace tepui::agent {

namespace {

constexpr Duration kLongestBackoff = std::chrono::minutes(1);
// A link is dropped if the master does not answer the subscription within this time. A master that
// is busy with 10,000 agents may need this long.
constexpr Duration kAnswerTimeout = std::chrono::seconds(15);
// Used if the master does not send its ping timeout: 5 pings of 15 s.
constexpr Duration kDefaultPingTimeout = std::chrono::seconds(75);

}  // namespace

Registration::Registration(const Services& services, Owner& owner)
    : services_(services),
      owner_(owner),
      backoff_(services.options.registration_backoff_factor, kLongestBackoff),
      timer_(services.clock) {}

void Registration::Enter(State state) {
  timer_.Cancel();
  const bool was_registered = registered();
  state_ = state;
  if (was_registered && !registered()) owner_.OnUnregistered();
}

void Registration::OnMasterDetected() {
  if (state_ == State::kStopped) return;
  // A change of leader ends the link to the previous leader.
  if (state_ == State::kSubscribing || state_ == State::kRegistered) services_.links.Disconnect();
  backoff_.Reset();
  Wait();
}

void Registration::OnMasterLost() {
  if (state_ == State::kStopped) return;
  if (state_ == State::kSubscribing || state_ == State::kRegistered) services_.links.Disconnect();
  Enter(State::kNoMaster);
}

void Registration::OnDisconnected(const std::string& reason) {
  if (state_ != State::kSubscribing && state_ != State::kRegistered) return;
  spdlog::info("The link to the master ended: {}", reason);
  if (registered()) backoff_.Reset();
  Wait();
}

void Registration::Wait() {
  Enter(State::kWaiting);
  const auto delay =
      std::chrono::duration_cast<Duration>(backoff_.Next() * services_.random.Fraction());
  timer_.Set(delay, [this] { Attempt(); });
}

void Registration::Attempt() {
  Enter(State::kSubscribing);
  // The subscription describes the agent as it is now, and is sent when that is saved.
  services_.checkpoint.WhenSaved(
      [this, attempt = ++last_attempt_, subscription = owner_.MakeSubscription()]() mutable {
        if (state_ != State::kSubscribing || attempt != last_attempt_) return;
        services_.links.Subscribe(std::move(subscription));
      });
  timer_.Set(kAnswerTimeout, [this] {
    spdlog::warn("The master did not answer the subscription within {}",
                 FormatDuration(kAnswerTimeout));
    services_.links.Disconnect();
    Wait();
  });
}

void Registration::OnSubscribed(const link::Event::Subscribed& subscribed) {
  if (state_ != State::kSubscribing) return;
  Enter(State::kRegistered);
  const double seconds = subscribed.total_ping_timeout_seconds();
  ping_timeout_ = seconds > 0 && seconds < 1e6 ? FromSeconds(seconds) : kDefaultPingTimeout;
  ExpectPing();
  owner_.OnRegistered(subscribed);
}

void Registration::ExpectPing() {
  timer_.Set(ping_timeout_, [this] {
    Resubscribe("no ping from the master within " + FormatDuration(ping_timeout_));
  });
}

void Registration::OnPing(bool connected) {
  if (!registered()) return;
  link::Call pong;
  pong.set_type(link::Call::PONG);
  services_.links.Send(std::move(pong));
  ExpectPing();
  if (!connected) Resubscribe("the master considers the agent disconnected");
}

void Registration::Resubscribe(const std::string& why) {
  if (!registered()) return;
  spdlog::warn("Subscribing again: {}", why);
  services_.links.Disconnect();
  backoff_.Reset();
  Wait();
}

void Registration::Stop() { Enter(State::kStopped); }

}  // namespace tepui::agent
