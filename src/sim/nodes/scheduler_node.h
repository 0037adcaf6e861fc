// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "client/scheduler_core.h"
#include "sim/frameworks/framework.h"
#include "sim/network/network.h"
#include "sim/nodes/observer.h"

namespace tepui::sim {

// A machine that runs a framework's scheduler on the real client library (client::SchedulerCore
// over the simulated network). Behaves as a careful framework: keeps its id and its tasks across
// crashes, stores what it launches before it launches it, acknowledges each update that carries a
// uuid after handling it, reconciles its running tasks and open operations on each subscription and
// every kReconcileInterval, handles LOST, UNREACHABLE and UNKNOWN by their meaning, reconnects
// after an error, and subscribes as a new framework when the master has removed it.
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
  void Crash();  // Stays down until Start.
  void Calm();
  bool running() const;
  bool subscribed() const;
  Process* process();  // Null while down.
  const Host& host() const { return host_; }
  const Framework& framework() const { return *framework_; }
  // Empty before the first SUBSCRIBED, and after the framework was removed.
  const std::string& framework_id() const;

  // The framework's view: the last state of every task it ever launched, also as an earlier
  // framework of this host.
  const std::map<std::string, v1::TaskState>& tasks() const;

 private:
  class Life;
  struct Memory;  // The contents of its database.
  Parts parts_;
  const Host host_;
  const Host master_;
  std::unique_ptr<Framework> framework_;
  std::unique_ptr<Memory> memory_;
  bool calm_ = false;
  uint64_t lives_ = 0;
  std::unique_ptr<Life> life_;
};

}  // namespace tepui::sim
