// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/services/services.h"
#include "base/backoff.h"
#include "base/timer.h"

namespace tepui::agent {

// Keeps the agent subscribed with the leading master (reference 5.1, 7.3). After a master is
// detected or the link is lost it waits a random part of options.registration_backoff_factor, which
// doubles with each failed attempt up to a minute, so that the agents do not all subscribe to a new
// leader at once. While subscribed it expects the master's pings.
class Registration {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual link::Call::Subscribe MakeSubscription() = 0;
    virtual void OnRegistered(const link::Event::Subscribed& subscribed) = 0;
    virtual void OnUnregistered() = 0;
  };

  Registration(const Services& services, Owner& owner);

  void OnMasterDetected();
  void OnMasterLost();
  void OnDisconnected(const std::string& reason);
  void OnSubscribed(const link::Event::Subscribed& subscribed);
  void OnPing(bool connected);

  // Drops the link and subscribes again, because the master's view of this agent is wrong.
  void Resubscribe(const std::string& why);
  // Ends the registration for good.
  void Stop();

  bool registered() const { return state_ == State::kRegistered; }

 private:
  enum class State { kNoMaster, kWaiting, kSubscribing, kRegistered, kStopped };

  void Enter(State state);
  void Wait();
  void Attempt();
  void ExpectPing();

  const Services& services_;
  Owner& owner_;
  State state_ = State::kNoMaster;
  uint64_t last_attempt_ = 0;
  Backoff backoff_;
  Duration ping_timeout_{};
  Timer timer_;  // What the state waits for: the backoff, the answer, or the next ping.
};

}  // namespace tepui::agent
