#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "allocator/expiry_heap.h"
#include "allocator/slab.h"
#include "base/clock.h"
#include "resources/resources.h"

namespace tepui::allocator {

// What clients (a framework in a role) refused (reference 2.3): until a time, a client is not
// offered a subset of the refused resources on that agent.
//
// Filters of an agent stand together, sorted by client, and those that refuse the same resources
// share one copy of them. So a visit of an agent asks once for each distinct refusal, not once for
// each client, whether it hides all there is; then it marks whom it hides. About 60 bytes a filter.
//
// Bounded: at most kMaxPerClientAndAgent filters for each pair, the earliest to end gives way. A
// filter that another one of the same pair makes redundant (refuses no more, ends no later) is not
// kept.
class Filters {
 public:
  static constexpr size_t kMaxPerClientAndAgent = 16;

  void Install(AgentHandle agent, NodeHandle client, const Resources& refused, MonotonicTime end);
  void RemoveClient(NodeHandle client);
  void RemoveAgent(AgentHandle agent);

  // The pair whose filter has ended by `now` and is gone; nothing if there is none. Call until
  // nothing.
  std::optional<std::pair<AgentHandle, NodeHandle>> PopEnded(MonotonicTime now);
  std::optional<MonotonicTime> NextEnd() const;
  size_t size() const { return ends_.size(); }

  bool AnyOn(AgentHandle agent) const {
    return agent.index() < by_agent_.size() && !by_agent_[agent.index()].entries.empty();
  }
  // True if the client must not be offered `resources` on the agent.
  bool Hides(AgentHandle agent, NodeHandle client, const Resources& resources) const;
  // Calls `mark` once for every client that is hidden all of `resources`, and so any part of them.
  template <class F>
  void ForEachHidden(AgentHandle agent, const Resources& resources, F&& mark);

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
    uint32_t filters = 0;  // 0: a free place.
  };
  struct OfAgent {
    std::vector<Entry> entries;  // Sorted.
    std::vector<Refusal> refusals;
  };

  // Where a new refusal is compared with those that are there: the latest ones only, to keep
  // declining cheap.
  static constexpr size_t kRefusalsCompared = 8;

  std::pair<const Entry*, const Entry*> EntriesOf(const OfAgent& of, NodeHandle client) const;
  uint32_t ShareRefusal(OfAgent& of, const Resources& refused);
  // True if a filter of the pair makes the new one redundant; removes those that it makes
  // redundant.
  bool Absorb(AgentHandle agent, NodeHandle client, const Resources& refused, MonotonicTime end);
  void Remove(FilterHandle filter);
  void Unlink(FilterHandle filter);  // All of Remove but the agent's entry.

  Slab<FilterHandle, Filter> filters_;
  ExpiryHeap<FilterHandle> ends_;
  std::vector<OfAgent> by_agent_;        // By handle index.
  std::vector<FilterHandle> by_client_;  // Heads of lists, by handle index.
  std::vector<uint8_t> covers_;  // Scratch of ForEachHidden: by refusal of the agent at hand.
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
