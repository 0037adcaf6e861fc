// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "sim/network/network.h"

namespace tepui::sim {

// The coordination service as its clients see it: sessions that must be renewed, one leader among
// the candidates that have a session, and an epoch that grows with each leader. It lives on host
// kCoordination and never fails; a client loses it when it cannot reach it.
//
// A client renews its session every third of kSessionTimeout. The service forgets a session after
// kSessionTimeout without a renewal. The client considers it over kSessionTimeout after it sent the
// last renewal that was answered, which is never later. The exception is a client that was paused
// at that moment: it first sends a renewal, and until the answer arrives it acts as if its session,
// which is over, still existed. The candidate that came first leads until its session is over.
class Election {
 public:
  static constexpr char kCoordination[] = "coordination";
  static constexpr Duration kSessionTimeout = std::chrono::seconds(10);

  // The network outlives it.
  Election(World& world, Network& network);
  ~Election();

  struct Candidate {
    std::function<void(uint64_t epoch)> on_elected;
    // The session is over, or may be by the candidate's own clock. The candidate must end its
    // process.
    std::function<void()> on_lost;
  };
  // `process` on `host` is a candidate until it ends; then its session times out.
  void Stand(const Host& host, Process& process, Candidate candidate);

  // Runs in `process`, until the process ends, with the leader's host (or nothing) when the process
  // first learns of it and at every change. Runs with nothing when the session of the watcher is
  // over, until it has another one.
  void Watch(const Host& host, Process& process,
             std::function<void(std::optional<Host>)> on_change);

  // The leader and its epoch, as the service knows them.
  std::optional<Host> leader() const;
  uint64_t epoch() const;

 private:
  class Service;
  class Client;
  Network& network_;
  std::unique_ptr<Service> service_;
};

}  // namespace tepui::sim
