// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "allocator/expiry_heap.h"
#include "allocator/slab.h"
#include "base/clock.h"
#include "base/result.h"
#include "resources/resources.h"

namespace tepui::allocator {

// The resources that clients (a framework in a role) refused (reference 2.3): until a given time, a
// client is not offered a subset of the refused resources on that agent.
//
// Filters of an agent are stored together, sorted by client, and those that refuse the same
// resources share one copy of them. So a visit of an agent checks each distinct refusal once, not
// each client, for whether it hides everything; then it marks the clients concerned. A filter takes
// about 60 bytes.
//
// Bounded: at most kMaxPerClientAndAgent filters for each pair; the one that ends first is dropped
// for a new one. A filter that another one of the same pair makes redundant (it refuses no more and
// ends no later) is not kept.
class Filters {
 public:
  static constexpr size_t kMaxPerClientAndAgent = 16;

  void Install(AgentHandle agent, NodeHandle client, const Resources& refused, MonotonicTime end);
  void RemoveClient(NodeHandle client);
  void RemoveAgent(AgentHandle agent);

  // Removes one filter that ended by `now` and returns its pair; nothing if there is none. To be
  // called until it returns nothing.
  std::optional<std::pair<AgentHandle, NodeHandle>> PopEnded(MonotonicTime now);
  std::optional<MonotonicTime> NextEnd() const;
  size_t size() const { return ends_.size(); }

  bool AnyOn(AgentHandle agent) const {
    return agent.index() < by_agent_.size() && !by_agent_[agent.index()].entries.empty();
  }
  bool AnyOf(NodeHandle client) const {
    return client.index() < by_client_.size() && by_client_[client.index()];
  }
  // Returns true if the client must not be offered `resources` on the agent.
  bool Hides(AgentHandle agent, NodeHandle client, const Resources& resources) const;
  // Calls `mark` once for every client from which all of `resources`, and so any part of them, are
  // hidden.
  template <class F>
  void ForEachHidden(AgentHandle agent, const Resources& resources, F&& mark);

  // Fails if a filter is not found from its agent, its client and the heap of ends alike, or if
  // refusals are counted wrongly.
  Status CheckInvariants() const;

 private:
  struct Filter {
    AgentHandle agent;
    NodeHandle client;
    uint32_t refusal = 0;  // Index in the agent's refusals.
    MonotonicTime end{};
    FilterHandle next_of_client, previous_of_client;
  };
  struct Entry {
    NodeHandle client;
    FilterHandle filter;
    uint32_t refusal;  // Index in `refusals`.
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  struct Refusal {
    Resources resources;
    uint32_t filters = 0;  // 0: a free slot.
  };
  struct OfAgent {
    std::vector<Entry> entries;  // Sorted.
    std::vector<Refusal> refusals;
  };

  // A new refusal is compared with this many of the latest ones only, to keep declining cheap.
  static constexpr size_t kRefusalsCompared = 8;

  std::pair<const Entry*, const Entry*> EntriesOf(const OfAgent& of, NodeHandle client) const;
  uint32_t ShareRefusal(OfAgent& of, const Resources& refused);
  // Returns true if a filter of the pair makes the new one redundant. Otherwise removes those that
  // the new one makes redundant.
  bool Absorb(AgentHandle agent, NodeHandle client, const Resources& refused, MonotonicTime end);
  Status CheckAgent(AgentHandle agent) const;
  void Remove(FilterHandle filter);
  void Unlink(FilterHandle filter);  // All of Remove except for the agent's entry.

  Slab<FilterHandle, Filter> filters_;
  ExpiryHeap<FilterHandle> ends_;
  std::vector<OfAgent> by_agent_;        // By handle index.
  std::vector<FilterHandle> by_client_;  // Heads of lists, by handle index.
  std::vector<uint8_t> covers_;  // Scratch of ForEachHidden: by refusal of the present agent.
};

template <class F>
void Filters::ForEachHidden(AgentHandle agent, const Resources& resources, F&& mark) {
  if (!AnyOn(agent)) return;
  const OfAgent& of = by_agent_[agent.index()];
  bool any = false;
  covers_.assign(of.refusals.size(), 0);
  for (size_t i = 0; i < of.refusals.size(); ++i) {
    covers_[i] = of.refusals[i].filters != 0 && of.refusals[i].resources.Contains(resources);
    any |= covers_[i] != 0;
  }
  if (!any) return;
  NodeHandle last;
  for (const Entry& entry : of.entries) {
    if (entry.client == last || covers_[entry.refusal] == 0) continue;
    last = entry.client;
    mark(entry.client);
  }
}

}  // namespace tepui::allocator
