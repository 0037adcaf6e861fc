// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mesos/v1/master/master.pb.h"
#include "sim/network/network.h"
#include "sim/world/process.h"

namespace tepui::sim {

// A machine from which an operator calls the masters over the simulated network. Each call is sent
// until it has a definite answer: 200 or 4xx. The operator follows redirects to the leader, asks
// the next master when one refuses (5xx) or does not answer, and now and then hangs up before the
// answer can have come and asks again. Calls of one operator do not wait for each other. They leave
// as JSON or as protobuf, and TEARDOWN also as the form that is older than the calls. Belongs to
// the world's events; its process does not end.
class OperatorNode {
 public:
  static constexpr char kHost[] = "operator-0";
  static constexpr Duration kRetryDelay = std::chrono::seconds(1);

  struct Parts {
    World& world;
    Network& network;
  };
  // `masters` must not be empty; a call begins at any of them.
  OperatorNode(Parts parts, std::vector<Host> masters);
  ~OperatorNode();

  void MarkAgentGone(const std::string& agent);
  void TearDown(const std::string& framework);

  // Calls without a definite answer, in words: "MARK_AGENT_GONE of m-S0".
  std::vector<std::string> Unanswered() const;

 private:
  class Errand;

  void Begin(mesos::v1::master::Call call);

  Parts parts_;
  const std::vector<Host> masters_;
  SeededRandom random_;
  uint64_t last_ = 0;
  Process process_;
  std::map<uint64_t, std::unique_ptr<Errand>> errands_;  // In the order in which they began.
};

}  // namespace tepui::sim
