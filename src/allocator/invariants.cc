// SPDX-License-Identifier: Apache-2.0
// What must hold between the records of the allocator's parts after every public method.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "allocator/cluster.h"
#include "resources/resource.h"

namespace tepui::allocator {
namespace {

template <class... Args>
Status Broken(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(Code::kInternal, "Allocator: {}", fmt::format(format, std::forward<Args>(args)...));
}

// The scalars as the share tree counts them: a shared resource once, however many copies there are.
Quantities Counted(const Resources& resources) {
  Quantities counted;
  for (const Resource& resource : resources) {
    if (resource.is_scalar()) counted.Add(resource.name(), resource.scalar());
  }
  return counted;
}

}  // namespace

// --- The share tree.

Status ShareTree::CheckInvariants() const {
  if (Status held = CheckSlots(); !held) return held;
  for (uint32_t i = 0; i < nodes_.slots(); ++i) {
    const NodeHandle node(i);
    if (nodes_[node].kind == Kind::kFree) continue;
    if (Status held = CheckNode(node); !held) return held;
    if (Status held = CheckChildren(node); !held) return held;
  }
  return {};
}

Status ShareTree::CheckSlots() const {
  const Quantities held = Held(root_);
  for (size_t slot = 0; slot < name_by_slot_.size(); ++slot) {
    const Amount total = total_by_slot_[slot];
    if (!name_by_slot_[slot]) {
      if (total == Amount()) continue;
      return Broken("the share tree has a total of {} without a name", total.ToString());
    }
    const ResourceName& name = *name_by_slot_[slot];
    if (total_.Get(name) != total) {
      return Broken("the share tree counts {} of {} as well as {}", total.ToString(), name.text(),
                    total_.Get(name).ToString());
    }
    if (total == Amount() && held.Get(name) == Amount()) {
      return Broken("the share tree remembers the name {}, of which there is nothing", name.text());
    }
  }
  return {};
}

Status ShareTree::CheckNode(NodeHandle handle) const {
  const Node& node = nodes_[handle];
  if (ranks_[handle.index()].share != ShareOf(node)) {
    return Broken("node '{}' of the share tree ranks with share {}, but holds {}", node.name,
                  ranks_[handle.index()].share, ShareOf(node));
  }
  if (node.kind != Kind::kRole || handle == root_) return {};
  if (FindRole(node.path) != handle || node.weight != Weight(node.path)) {
    return Broken("role '{}' is not found by its path, or has a weight that was not set",
                  node.path);
  }
  return {};
}

Status ShareTree::CheckChildren(NodeHandle handle) const {
  const Node& node = nodes_[handle];
  uint32_t clients = node.kind == Kind::kClient ? node.active_clients : 0;
  size_t active = 0;
  for (const auto& [name, child] : node.children) {
    if (nodes_[child].parent != handle || nodes_[child].name != name) {
      return Broken("node '{}' of the share tree does not know its parent '{}'", name, node.name);
    }
    clients += nodes_[child].active_clients;
    if (nodes_[child].active_clients != 0) ++active;
  }
  const auto ranks_after = [this](NodeHandle a, NodeHandle b) {
    return !(ranks_[a.index()] < ranks_[b.index()]);
  };
  const bool ordered = std::ranges::adjacent_find(node.ranked, ranks_after) == node.ranked.end();
  const bool all_active = std::ranges::all_of(node.ranked, [&](NodeHandle child) {
    return nodes_[child].parent == handle && nodes_[child].active_clients != 0;
  });
  if (!ordered || !all_active || node.ranked.size() != active) {
    return Broken("the active children of node '{}' of the share tree are not in order", node.name);
  }
  if (node.active_clients != clients) {
    return Broken("node '{}' of the share tree counts {} active clients, but has {}", node.name,
                  node.active_clients, clients);
  }
  return {};
}

// --- The ledger.

Status Ledger::CheckInvariants() const {
  if (Status held = CheckHoldings(); !held) return held;
  return CheckSums();
}

Status Ledger::CheckHoldings() const {
  size_t of_agents = 0;
  for (uint32_t i = 0; i < by_agent_.size(); ++i) {
    for (const OfAgentEntry& entry : by_agent_[i]) {
      const Holding& holding = holdings_[entry.holding];
      if (holding.client != entry.client || holding.agent != AgentHandle(i) ||
          holding.resources.empty()) {
        return Broken("an agent lists a holding that belongs to another agent or is empty");
      }
      ++of_agents;
    }
  }
  size_t of_clients = 0;
  for (uint32_t i = 0; i < by_client_.size(); ++i) {
    HoldingHandle previous;
    for (HoldingHandle it = by_client_[i]; it; it = holdings_[it].next_of_client) {
      if (holdings_[it].client != NodeHandle(i) || holdings_[it].previous_of_client != previous) {
        return Broken("a client lists a holding that is another's");
      }
      previous = it;
      ++of_clients;
    }
  }
  if (of_agents != holdings_.size() || of_clients != holdings_.size()) {
    return Broken("of {2} holdings agents list {0} and clients {1}", of_agents, of_clients,
                  holdings_.size());
  }
  return {};
}

Status Ledger::CheckSums() const {
  std::map<NodeHandle, Quantities> sums;
  std::unordered_map<uint64_t, Resources> shared;
  for (const std::vector<OfAgentEntry>& entries : by_agent_) {
    for (const OfAgentEntry& entry : entries) {
      const Holding& holding = holdings_[entry.holding];
      const Quantities unshared = Counted(holding.resources.NonShared());
      const Resources copies = holding.resources.Shared();
      for (NodeHandle node = holding.client; node; node = tree_.parent(node)) {
        sums[node] += unshared;
        if (!copies.empty()) shared[SharedKey(node, holding.agent)] += copies;
      }
    }
  }
  if (shared != shared_) return Broken("shared resources are counted wrongly");
  for (const auto& [key, copies] : shared) {
    sums[NodeHandle(static_cast<uint32_t>(key >> 32))] += Counted(copies);
  }
  for (uint32_t i = 0; i < tree_.slots(); ++i) {
    const NodeHandle node(i);
    if (tree_.kind(node) == ShareTree::Kind::kFree || tree_.Held(node) == sums[node]) continue;
    return Broken("node {} of the share tree counts {}, but clients at or below it hold {}", i,
                  tree_.Held(node).ToString(), sums[node].ToString());
  }
  return {};
}

// --- The filters.

Status Filters::CheckInvariants() const {
  size_t of_agents = 0;
  for (uint32_t i = 0; i < by_agent_.size(); ++i) {
    if (Status held = CheckAgent(AgentHandle(i)); !held) return held;
    of_agents += by_agent_[i].entries.size();
  }
  size_t of_clients = 0;
  for (uint32_t i = 0; i < by_client_.size(); ++i) {
    for (FilterHandle it = by_client_[i]; it; it = filters_[it].next_of_client) {
      if (filters_[it].client != NodeHandle(i)) {
        return Broken("a client lists a filter that is another's");
      }
      ++of_clients;
    }
  }
  if (of_agents != filters_.size() || of_clients != filters_.size() ||
      ends_.size() != filters_.size()) {
    return Broken("of {} filters agents list {}, clients {} and the heap {}", filters_.size(),
                  of_agents, of_clients, ends_.size());
  }
  return {};
}

Status Filters::CheckAgent(AgentHandle agent) const {
  const OfAgent& of = by_agent_[agent.index()];
  if (!std::ranges::is_sorted(of.entries)) return Broken("an agent's filters are not sorted");
  std::vector<uint32_t> counts(of.refusals.size());
  for (const Entry& entry : of.entries) {
    const Filter& filter = filters_[entry.filter];
    if (filter.agent != agent || filter.client != entry.client || filter.refusal != entry.refusal ||
        entry.refusal >= counts.size()) {
      return Broken("an agent lists a filter that is another's");
    }
    ++counts[entry.refusal];
  }
  if (!std::ranges::equal(counts, of.refusals, {}, {}, &Refusal::filters)) {
    return Broken("an agent's refusals count their filters wrongly");
  }
  return {};
}

// --- What there is.

Status Cluster::CheckInvariants() const {
  Quantities total;
  size_t free = 0;
  for (const auto& [id, agent] : agent_ids_) {
    if (agents[agent].id != id) return Broken("agent {} is found under {}", agents[agent].id, id);
    if (Status held = CheckAgent(agent); !held) return held;
    total += agents[agent].total_quantities;
    if (with_free.Contains(agent)) ++free;
  }
  if (agents.size() != agent_ids_.size() || with_free.size() != free) {
    return Broken("agents are listed that were removed");
  }
  if (!(tree.total() == total)) {
    return Broken("shares are fractions of {}, but the agents have {}", tree.total().ToString(),
                  total.ToString());
  }
  size_t minimums = 0;
  for (const auto& [id, framework] : framework_ids_) {
    if (frameworks[framework].id != id) {
      return Broken("framework {} is found under {}", frameworks[framework].id, id);
    }
    if (Status held = CheckFramework(framework); !held) return held;
    for (const auto& [role, node] : frameworks[framework].clients) {
      if (clients[node.index()].min_allocatable) ++minimums;
    }
  }
  if (minimums != own_minimums) {
    return Broken("{} clients with a minimum of their own are counted, but there are {}",
                  own_minimums, minimums);
  }
  if (Status held = tree.CheckInvariants(); !held) return held;
  if (Status held = ledger.CheckInvariants(); !held) return held;
  return filters.CheckInvariants();
}

Status Cluster::CheckAgent(AgentHandle handle) const {
  const Agent& agent = agents[handle];
  const Resources total = agent.total.NonShared();
  const Resources held = ledger.NonSharedOfAgent(handle);
  if (agent.free != total - held || agent.overcommitted == total.Contains(held)) {
    return Broken("agent {} has {}, of which {} is held, but counts {} as free", agent.id,
                  agent.total.ToString(), held.ToString(), agent.free.ToString());
  }
  if (!(agent.total_quantities == agent.total.ScalarQuantities()) ||
      agent.shared != agent.total.Shared()) {
    return Broken("agent {} is counted with other resources than it has", agent.id);
  }
  if (with_free.Contains(handle) == (agent.free.empty() && agent.shared.empty())) {
    return Broken("agent {} is listed wrongly among those with something free", agent.id);
  }
  return {};
}

Status Cluster::CheckFramework(FrameworkHandle handle) const {
  const Framework& framework = frameworks[handle];
  if (!framework.added && framework.clients.empty()) {
    return Broken("framework {} is kept although it holds nothing", framework.id);
  }
  for (const auto& [role, node] : framework.clients) {
    if (Status held = CheckClient(handle, role, node); !held) return held;
  }
  return {};
}

Status Cluster::CheckClient(FrameworkHandle handle, const std::string& role,
                            NodeHandle node) const {
  const Framework& framework = frameworks[handle];
  const Client& client = clients[node.index()];
  if (client.framework != handle || client.role != role ||
      tree.kind(node) != ShareTree::Kind::kClient) {
    return Broken("framework {} in role '{}' is recorded as another client", framework.id, role);
  }
  if (!client.subscribed && !ledger.HoldsAnything(node)) {
    return Broken("framework {} left role '{}' and holds nothing there, but is kept", framework.id,
                  role);
  }
  const bool takes = client.subscribed && framework.active;
  if (tree.IsActiveClient(node) != (takes && !client.suppressed)) {
    return Broken("framework {} in role '{}' is wrongly asked or not asked", framework.id, role);
  }
  if (!takes && filters.AnyOf(node)) {
    return Broken("framework {} has filters in role '{}', where it is offered nothing",
                  framework.id, role);
  }
  return {};
}

}  // namespace tepui::allocator
