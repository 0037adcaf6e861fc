// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "allocator/share_tree.h"
#include "allocator/slab.h"
#include "base/result.h"
#include "resources/resources.h"

namespace tepui::allocator {

// Records which client holds which resources of which agent, offered and used alike. Resources are
// kept without allocation info: the client determines the role. Each change is counted in the share
// tree: a shared resource once for each node of the tree and agent, however many copies are held
// below the node (reference 3, "sorters").
//
// A holding is found from its agent and from its client, so that removing either costs only as much
// as it holds.
class Ledger {
 public:
  explicit Ledger(ShareTree& tree) : tree_(tree) {}

  // `allocations`: how often the client was chosen for this (see ShareTree).
  void Add(NodeHandle client, AgentHandle agent, Resources resources, uint64_t allocations);
  // Removes what the client holds of `resources`, and returns it.
  Resources Remove(NodeHandle client, AgentHandle agent, const Resources& resources);

  // Returns null if nothing is held.
  const Resources* Held(NodeHandle client, AgentHandle agent) const;
  bool HoldsAnything(NodeHandle client) const {
    return client.index() < by_client_.size() && by_client_[client.index()];
  }

  struct Entry {
    NodeHandle client;
    AgentHandle agent;
    Resources resources;
  };
  std::vector<Entry> OfClient(NodeHandle client) const;
  std::vector<Entry> OfAgent(AgentHandle agent) const;
  // The unshared part of everything that is held of the agent.
  Resources NonSharedOfAgent(AgentHandle agent) const;

  // Fails if a holding is not found from both sides, or if the share tree does not count what is
  // held.
  Status CheckInvariants() const;

 private:
  struct Holding {
    NodeHandle client;
    AgentHandle agent;
    Resources resources;
    HoldingHandle next_of_client, previous_of_client;
  };
  struct OfAgentEntry {
    NodeHandle client;
    HoldingHandle holding;
  };

  static uint64_t SharedKey(NodeHandle node, AgentHandle agent) {
    return uint64_t{node.index()} << 32 | agent.index();
  }
  std::span<const OfAgentEntry> EntriesOf(AgentHandle agent) const;
  HoldingHandle Find(NodeHandle client, AgentHandle agent) const;
  HoldingHandle Create(NodeHandle client, AgentHandle agent);
  void Erase(HoldingHandle holding);
  void CountShared(NodeHandle client, AgentHandle agent, const Resources& shared,
                   uint64_t allocations);
  Status CheckHoldings() const;
  Status CheckSums() const;
  void UncountShared(NodeHandle client, AgentHandle agent, const Resources& shared);

  ShareTree& tree_;
  Slab<HoldingHandle, Holding> holdings_;
  std::vector<HoldingHandle> by_client_;  // Heads, by handle index.
  // By handle index. Each change searches these arrays; the few clients of an agent take one or two
  // cache lines.
  std::vector<std::vector<OfAgentEntry>> by_agent_;
  // Shared resources held at or below a node, by node and agent. They are rare, so holdings do not
  // contain them.
  std::unordered_map<uint64_t, Resources> shared_;
};

}  // namespace tepui::allocator
