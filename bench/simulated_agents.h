// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "http_load.h"

namespace tepui::bench {

// Agents without containers: they speak proto/tepui/link.proto over HTTP as real ones do (one
// stream, ordered batches of calls, one in flight), answer pings, and record what they are asked to
// run. Agents of Answer::kNothing answer pings on one shared connection; otherwise half the limit
// of descriptors would bound their number. All on the thread that polls.
class SimulatedAgents {
 public:
  enum class Answer {
    kNothing,    // Only records RUN_TASK.
    kRunning,    // Answers RUN_TASK with TASK_RUNNING.
    kWholeLife,  // Also sends TASK_FINISHED, once TASK_RUNNING is acknowledged.
  };

  SimulatedAgents(Poller& poller, uint16_t port, Answer answer);
  ~SimulatedAgents();

  // Connects another agent and sends its SUBSCRIBE: `body` is link.Calls.
  void Add(std::string_view body);
  // Ends the streams of all but the first `keep` agents, which disconnects them.
  void DisconnectAllBut(size_t keep);

  // --- Totals over all agents.
  size_t subscribed() const { return counts_.subscribed; }
  size_t launched() const { return counts_.launched; }          // Recorded tasks.
  size_t acknowledged() const { return counts_.acknowledged; }  // Acknowledged updates.

 private:
  class Agent;
  struct Counts {
    size_t subscribed = 0, launched = 0, acknowledged = 0;
    uint64_t updates = 0;  // Number of updates sent; uuids are made from it.
  };

  Poller& poller_;
  const uint16_t port_;
  const Answer answer_;
  class PongEvents;
  std::unique_ptr<PongEvents> pong_events_;
  std::unique_ptr<HttpConnection> pongs_;  // Shared by agents of Answer::kNothing.
  Counts counts_;
  std::vector<std::unique_ptr<Agent>> agents_;
};

}  // namespace tepui::bench
