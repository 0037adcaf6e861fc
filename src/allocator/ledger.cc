// SPDX-License-Identifier: Apache-2.0
#include "allocator/ledger.h"

#include <algorithm>
#include <utility>

#include "resources/resource.h"

namespace tepui::allocator {
namespace {

bool HasShared(const Resources& resources) {
  return std::ranges::any_of(resources,
                             [](const Resource& resource) { return resource.is_shared(); });
}

// Returns true if `resources` have at least one copy of the shared resource.
bool HasCopy(const Resources& resources, const Resource& shared) {
  Resources without = resources;
  without -= shared;
  return !(without == resources);
}

// Returns the place of a handle in an array, which grows if necessary.
template <class T, class H>
T& PlaceOf(std::vector<T>& places, H handle) {
  if (handle.index() >= places.size()) places.resize(handle.index() + size_t{1});
  return places[handle.index()];
}

}  // namespace

std::span<const Ledger::OfAgentEntry> Ledger::EntriesOf(AgentHandle agent) const {
  if (agent.index() >= by_agent_.size()) return {};
  return by_agent_[agent.index()];
}

HoldingHandle Ledger::Find(NodeHandle client, AgentHandle agent) const {
  for (const OfAgentEntry& entry : EntriesOf(agent)) {
    if (entry.client == client) return entry.holding;
  }
  return HoldingHandle();
}

HoldingHandle Ledger::Create(NodeHandle client, AgentHandle agent) {
  HoldingHandle& of_client = PlaceOf(by_client_, client);
  Holding holding;
  holding.client = client;
  holding.agent = agent;
  holding.next_of_client = of_client;
  const HoldingHandle handle = holdings_.Add(std::move(holding));
  if (of_client) holdings_[of_client].previous_of_client = handle;
  of_client = handle;
  PlaceOf(by_agent_, agent).push_back({client, handle});
  return handle;
}

void Ledger::Erase(HoldingHandle handle) {
  const Holding& it = holdings_[handle];
  HoldingHandle& before_in_client = it.previous_of_client
                                        ? holdings_[it.previous_of_client].next_of_client
                                        : by_client_[it.client.index()];
  before_in_client = it.next_of_client;
  if (it.next_of_client) holdings_[it.next_of_client].previous_of_client = it.previous_of_client;
  std::vector<OfAgentEntry>& entries = by_agent_[it.agent.index()];
  const auto entry = std::ranges::find(entries, handle, &OfAgentEntry::holding);
  *entry = entries.back();
  entries.pop_back();
  holdings_.Remove(handle);
}

void Ledger::Add(NodeHandle client, AgentHandle agent, Resources resources, uint64_t allocations) {
  if (resources.empty()) return;
  if (HasShared(resources)) {
    tree_.AddUp(client, resources.NonShared(), 0);
    CountShared(client, agent, resources.Shared(), allocations);
  } else {
    tree_.AddUp(client, resources, allocations);
  }
  HoldingHandle holding = Find(client, agent);
  if (!holding) holding = Create(client, agent);
  Resources& held = holdings_[holding].resources;
  if (held.empty()) {
    held = std::move(resources);
  } else {
    held += resources;
  }
}

Resources Ledger::Remove(NodeHandle client, AgentHandle agent, const Resources& resources) {
  const HoldingHandle holding = Find(client, agent);
  if (!holding) return Resources();
  Resources& held = holdings_[holding].resources;
  Resources removed = held.Contains(resources) ? resources : held - (held - resources);
  held -= removed;
  if (held.empty()) Erase(holding);
  if (HasShared(removed)) {
    tree_.SubtractUp(client, removed.NonShared());
    UncountShared(client, agent, removed.Shared());
  } else {
    tree_.SubtractUp(client, removed);
  }
  return removed;
}

void Ledger::CountShared(NodeHandle client, AgentHandle agent, const Resources& shared,
                         uint64_t allocations) {
  for (NodeHandle node = client; node; node = tree_.parent(node)) {
    Resources& held = shared_[SharedKey(node, agent)];
    const Resources appeared =
        shared.Filter([&](const Resource& resource) { return !HasCopy(held, resource); });
    held += shared;
    tree_.Add(node, appeared, allocations);
  }
}

void Ledger::UncountShared(NodeHandle client, AgentHandle agent, const Resources& shared) {
  for (NodeHandle node = client; node; node = tree_.parent(node)) {
    const auto it = shared_.find(SharedKey(node, agent));
    it->second -= shared;
    const Resources vanished =
        shared.Filter([&](const Resource& resource) { return !HasCopy(it->second, resource); });
    tree_.Subtract(node, vanished);
    if (it->second.empty()) shared_.erase(it);
  }
}

const Resources* Ledger::Held(NodeHandle client, AgentHandle agent) const {
  const HoldingHandle holding = Find(client, agent);
  return holding ? &holdings_[holding].resources : nullptr;
}

std::vector<Ledger::Entry> Ledger::OfClient(NodeHandle client) const {
  std::vector<Entry> result;
  if (client.index() >= by_client_.size()) return result;
  for (HoldingHandle it = by_client_[client.index()]; it; it = holdings_[it].next_of_client) {
    result.push_back({client, holdings_[it].agent, holdings_[it].resources});
  }
  return result;
}

std::vector<Ledger::Entry> Ledger::OfAgent(AgentHandle agent) const {
  std::vector<Entry> result;
  for (const OfAgentEntry& entry : EntriesOf(agent)) {
    result.push_back({entry.client, agent, holdings_[entry.holding].resources});
  }
  return result;
}

Resources Ledger::NonSharedOfAgent(AgentHandle agent) const {
  Resources result;
  for (const OfAgentEntry& entry : EntriesOf(agent)) {
    result += holdings_[entry.holding].resources.NonShared();
  }
  return result;
}

}  // namespace tepui::allocator
