#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "sim/network/network.h"

namespace tepui::sim {

// The coordination service as its clients see it: sessions that must be renewed, one leader among
// the candidates that have one, an epoch that grows with each leader. It lives on host
// kCoordination and never fails; being out of its reach is how a client loses it.
//
// A client renews its session every third of kSessionTimeout. The service forgets a session that
// it has not heard of for kSessionTimeout; the client takes it for over kSessionTimeout after it
// sent the last renewal that was answered, which is never later. Unless it was paused just then: it
// asks first, and acts for that long on what is no longer so.
// The candidate that came first leads until its session is over.
class Election {
 public:
  static constexpr char kCoordination[] = "coordination";
  static constexpr Duration kSessionTimeout = std::chrono::seconds(10);

  // The network outlives it.
  Election(World& world, Network& network);
  ~Election();

  struct Candidate {
    std::function<void(uint64_t epoch)> on_elected;
    // The session is over, or (known to the candidate alone, by its own clock) may be: it must end
    // its process.
    std::function<void()> on_lost;
  };
  // `process` on `host` stands until it ends; then its session ends by timeout.
  void Stand(const Host& host, Process& process, Candidate candidate);

  // Runs in `process` with the leader's host, or nothing, when it first learns of it and at every
  // change; with nothing when its session is over, until it has another; until the process ends.
  void Watch(const Host& host, Process& process,
             std::function<void(std::optional<Host>)> on_change);

  // As the service knows.
  std::optional<Host> leader() const;
  uint64_t epoch() const;

 private:
  class Service;
  class Client;
  Network& network_;
  std::unique_ptr<Service> service_;
};

}  // namespace tepui::sim
