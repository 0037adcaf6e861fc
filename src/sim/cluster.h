#pragma once

#include <memory>
#include <vector>

#include "sim/agent_node.h"
#include "sim/election.h"
#include "sim/fault.h"
#include "sim/master_node.h"
#include "sim/network.h"
#include "sim/registry.h"
#include "sim/scheduler_node.h"

namespace tepui::sim {

// Masters, agents and frameworks on one network in one world. Faults are done to it by name of
// host.
class Cluster {
 public:
  Cluster(World& world, Observer& observer, const ClusterSize& size);
  ~Cluster();

  void Start();
  void Do(const Fault& fault);  // Now; its end is put on the clock.
  // Ends what faults left: partitions, pauses, nodes that are down; frameworks launch nothing new.
  void Calm();

  World& world() { return world_; }
  Network& network() { return network_; }
  const Election& election() const { return election_; }
  const Registry& registry() const { return registry_; }
  const std::vector<std::unique_ptr<MasterNode>>& masters() const { return masters_; }
  const std::vector<std::unique_ptr<AgentNode>>& agents() const { return agents_; }
  const std::vector<std::unique_ptr<SchedulerNode>>& schedulers() const { return schedulers_; }
  // Null if there is none.
  const MasterNode* leader() const;

 private:
  World& world_;
  Network network_;
  Election election_;
  Registry registry_;
  std::vector<std::unique_ptr<MasterNode>> masters_;
  std::vector<std::unique_ptr<AgentNode>> agents_;
  std::vector<std::unique_ptr<SchedulerNode>> schedulers_;
};

}  // namespace tepui::sim
