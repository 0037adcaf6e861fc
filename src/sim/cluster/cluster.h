// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/cluster/fault.h"
#include "sim/network/network.h"
#include "sim/nodes/agent_node.h"
#include "sim/nodes/election.h"
#include "sim/nodes/master_node.h"
#include "sim/nodes/operator_node.h"
#include "sim/nodes/registry.h"
#include "sim/nodes/scheduler_node.h"

namespace tepui::sim {

// Masters, agents, frameworks and an operator on one network in one world: "master-0", "agent-0",
// "framework-0" and so on; the kinds of frameworks take turns. Faults name the host that they
// affect. Several faults at a time add up: a node is down, paused, cut off or slow as long as any
// active fault demands it.
class Cluster {
 public:
  Cluster(World& world, Observer& observer, const ClusterSize& size);
  ~Cluster();

  void Start();
  void Do(const Fault& fault);  // Starts the fault now and schedules its end on the clock.
  // Ends what faults left behind: partitions, pauses, nodes that are down. Checks succeed from now
  // on and frameworks launch nothing new.
  void Calm();

  World& world() { return world_; }
  Network& network() { return network_; }
  const Network& network() const { return network_; }
  const Election& election() const { return election_; }
  const Registry& registry() const { return registry_; }
  const std::vector<std::unique_ptr<MasterNode>>& masters() const { return masters_; }
  const std::vector<std::unique_ptr<AgentNode>>& agents() const { return agents_; }
  const std::vector<std::unique_ptr<SchedulerNode>>& schedulers() const { return schedulers_; }
  const OperatorNode& operator_node() const { return *operator_; }
  // Null if there is none.
  const MasterNode* leader() const;

 private:
  // A host that faults can affect; exactly one of the three is set.
  struct Node {
    MasterNode* master = nullptr;
    AgentNode* agent = nullptr;
    SchedulerNode* scheduler = nullptr;

    void Start();  // Does nothing if the node runs.
    void Crash(bool replace);
    Process* process();
  };
  struct Active {
    Fault fault;
    TimerId end = 0;
  };

  void Begin(const Fault& fault);
  void MarkGone(const Fault& fault);
  void TearDown(const Fault& fault);
  void End(uint64_t number);
  // Puts a node, or the network, into the state that the active faults demand.
  void Apply(const Fault& ended);
  bool Is(Fault::Kind kind, const Host& target) const;
  // Sum and maximum of the amounts of the active faults; 0 if there are none.
  int64_t Sum(Fault::Kind kind, const Host& target) const;
  int64_t Most(Fault::Kind kind, const Host& target) const;
  void SetCut(const Fault& fault, bool cut);
  std::vector<Host> Hosts() const;

  World& world_;
  Network network_;
  Election election_;
  Registry registry_;
  std::vector<std::unique_ptr<MasterNode>> masters_;
  std::vector<std::unique_ptr<AgentNode>> agents_;
  std::vector<std::unique_ptr<SchedulerNode>> schedulers_;
  std::map<Host, Node> nodes_;
  std::unique_ptr<OperatorNode> operator_;
  std::map<Host, std::string> torn_down_;  // The last framework of the host that was torn down.
  SeededRandom random_;
  std::map<uint64_t, Active> active_;
  uint64_t faults_ = 0;
};

}  // namespace tepui::sim
