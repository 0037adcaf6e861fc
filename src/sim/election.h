#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/network.h"

namespace tepui::sim {

// The coordination service as its clients see it: sessions that must be renewed, one leader among
// the candidates that have one, an epoch that grows with each leader. It lives on host
// kCoordination and never fails; being out of its reach is how a client loses it.
class Election {
 public:
  static constexpr char kCoordination[] = "coordination";
  static constexpr Duration kSessionTimeout = std::chrono::seconds(10);

  Election(World& world, Network& network);

  struct Candidate {
    std::function<void(uint64_t epoch)> on_elected;
    // The session is over, or (known to the candidate alone, by its own clock) may be: it must end
    // its process.
    std::function<void()> on_lost;
  };
  // `process` on `host` stands until it is destroyed; then its session ends by timeout.
  void Stand(const Host& host, Process& process, Candidate candidate);

  // Runs in `process` with the leader's host, or nothing, whenever it learns of a change; until the
  // process ends.
  void Watch(const Host& host, Process& process,
             std::function<void(std::optional<Host>)> on_change);

  std::optional<Host> leader() const;
  uint64_t epoch() const { return epoch_; }

 private:
  class Impl;
  uint64_t epoch_ = 0;
  std::shared_ptr<Impl> impl_;
};

}  // namespace tepui::sim
