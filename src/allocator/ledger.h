#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "allocator/share_tree.h"
#include "allocator/slab.h"
#include "resources/resources.h"

namespace tepui::allocator {

// Which client holds what of which agent, offered and used alike. Resources are kept without
// allocation info: the client says the role. Each change is counted in the share tree: a shared
// resource once for each node of the tree and agent, however many copies are held below the node
// (reference 3, "sorters").
//
// A holding is found from its agent and from its client, so that either can go at the price of what
// it holds.
class Ledger {
 public:
  explicit Ledger(ShareTree& tree) : tree_(tree) {}

  // `allocations`: how often the client was chosen for it (see ShareTree).
  void Add(NodeHandle client, AgentHandle agent, Resources resources, uint64_t allocations);
  // Takes from the client what it holds of `resources`, and returns it.
  Resources Remove(NodeHandle client, AgentHandle agent, const Resources& resources);

  // Null if nothing is held.
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
  // What is not shared of all that is held of the agent.
  Resources NonSharedOfAgent(AgentHandle agent) const;

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

  std::span<const OfAgentEntry> EntriesOf(AgentHandle agent) const;
  HoldingHandle Find(NodeHandle client, AgentHandle agent) const;
  HoldingHandle Create(NodeHandle client, AgentHandle agent);
  void Erase(HoldingHandle holding);
  void CountShared(NodeHandle client, AgentHandle agent, const Resources& shared,
                   uint64_t allocations);
  void UncountShared(NodeHandle client, AgentHandle agent, const Resources& shared);

  ShareTree& tree_;
  Slab<HoldingHandle, Holding> holdings_;
  std::vector<HoldingHandle> by_client_;  // Heads, by handle index.
  // By handle index. Looked through for each change: so arrays, which the few clients of an agent
  // fill in a line or two of the cache.
  std::vector<std::vector<OfAgentEntry>> by_agent_;
  // Shared resources held at or below a node, by node and agent. The exception, so not part of each
  // holding.
  std::unordered_map<uint64_t, Resources> shared_;
};

}  // namespace tepui::allocator
