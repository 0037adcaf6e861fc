#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "http_load.h"

namespace tepui::bench {

// Agents without containers: they speak proto/tepui/link.proto over HTTP as real ones do (one
// stream, ordered batches of calls, one in flight), answer pings, and record what they are told to
// run. Those that have nothing else to say answer pings on one connection together, or their number
// would be bounded by half the limit of descriptors. All on the thread that polls.
class SimulatedAgents {
 public:
  enum class Answer {
    kNothing,    // RUN_TASK is recorded, no more.
    kRunning,    // TASK_RUNNING follows.
    kWholeLife,  // And TASK_FINISHED, once that was acknowledged.
  };

  SimulatedAgents(Poller& poller, uint16_t port, Answer answer);
  ~SimulatedAgents();

  // Connects one more and sends its SUBSCRIBE: `body` is link.Calls.
  void Add(std::string_view body);
  // Ends the streams of all but the first `keep`: they are disconnected agents then.
  void DisconnectAllBut(size_t keep);

  // So far, over all of them.
  size_t subscribed() const { return counts_.subscribed; }
  size_t launched() const { return counts_.launched; }          // Tasks recorded.
  size_t acknowledged() const { return counts_.acknowledged; }  // Updates.

 private:
  class Agent;
  struct Counts {
    size_t subscribed = 0, launched = 0, acknowledged = 0;
    uint64_t updates = 0;  // Sent; makes uuids.
  };

  Poller& poller_;
  const uint16_t port_;
  const Answer answer_;
  class PongEvents;
  std::unique_ptr<PongEvents> pong_events_;
  std::unique_ptr<HttpConnection> pongs_;  // Of Answer::kNothing.
  Counts counts_;
  std::vector<std::unique_ptr<Agent>> agents_;
};

}  // namespace tepui::bench
