#pragma once

#include <map>
#include <memory>
#include <string>

#include "client/scheduler_core.h"
#include "sim/framework.h"
#include "sim/network.h"
#include "sim/observer.h"

namespace tepui::sim {

// A machine that runs a framework's scheduler on the real client library (client::SchedulerCore
// over the simulated network). Behaves as a careful framework: remembers its id and its tasks over
// crashes, acknowledges each update that carries a uuid after it took it, reconciles all living
// tasks on each subscription and every kReconcileInterval, takes LOST, UNREACHABLE and UNKNOWN for
// what they are.
class SchedulerNode {
 public:
  static constexpr Duration kReconcileInterval = std::chrono::minutes(1);

  struct Parts {
    World& world;
    Network& network;
    Observer& observer;
  };
  // Connects to `master` (any of the masters: the library follows redirects to the leader).
  SchedulerNode(Parts parts, Host host, Host master, std::unique_ptr<Framework> framework);
  ~SchedulerNode();

  void Start();
  void Crash();
  void Calm();
  bool running() const;
  bool subscribed() const;
  Process* process();
  const Host& host() const { return host_; }
  const Framework& framework() const { return *framework_; }
  const std::string& framework_id() const;  // Empty before the first SUBSCRIBED.

  // As the framework believes: the last state of every task it ever launched.
  const std::map<std::string, v1::TaskState>& tasks() const;

 private:
  class Life;
  struct Memory;  // What its database holds.
  Parts parts_;
  const Host host_;
  const Host master_;
  std::unique_ptr<Framework> framework_;
  std::unique_ptr<Memory> memory_;
  uint64_t lives_ = 0;
  std::unique_ptr<Life> life_;
};

}  // namespace tepui::sim
