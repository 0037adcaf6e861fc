// SPDX-License-Identifier: Apache-2.0
#include "allocator/filters.h"

#include <algorithm>
#include <cassert>

namespace tepui::allocator {

std::pair<const Filters::Entry*, const Filters::Entry*> Filters::EntriesOf(
    const OfAgent& of, NodeHandle client) const {
  const Entry* const begin = of.entries.data();
  const Entry* const end = begin + of.entries.size();
  const Entry* const first = std::lower_bound(begin, end, Entry{client, FilterHandle(0), 0});
  const Entry* last = first;
  while (last != end && last->client == client) ++last;
  return {first, last};
}

uint32_t Filters::ShareRefusal(OfAgent& of, const Resources& refused) {
  std::vector<Refusal>& refusals = of.refusals;
  size_t place = refusals.size();
  const size_t oldest =
      refusals.size() > kRefusalsCompared ? refusals.size() - kRefusalsCompared : 0;
  for (size_t i = refusals.size(); i > oldest; --i) {
    if (refusals[i - 1].filters == 0) {
      place = i - 1;
    } else if (refusals[i - 1].resources == refused) {
      ++refusals[i - 1].filters;
      return static_cast<uint32_t>(i - 1);
    }
  }
  if (place == refusals.size()) refusals.emplace_back();
  refusals[place] = Refusal{.resources = refused, .filters = 1};
  return static_cast<uint32_t>(place);
}

bool Filters::Absorb(AgentHandle agent, NodeHandle client, const Resources& refused,
                     MonotonicTime end) {
  const OfAgent& of = by_agent_[agent.index()];
  const auto [first, last] = EntriesOf(of, client);
  std::vector<FilterHandle> redundant;
  FilterHandle earliest;
  for (const Entry* it = first; it != last; ++it) {
    const Filter& other = filters_[it->filter];
    const Resources& others = of.refusals[it->refusal].resources;
    if (other.end >= end && others.Contains(refused)) return true;
    if (other.end <= end && refused.Contains(others)) redundant.push_back(it->filter);
    if (!earliest || other.end < filters_[earliest].end) earliest = it->filter;
  }
  if (redundant.empty() && static_cast<size_t>(last - first) >= kMaxPerClientAndAgent) {
    redundant.push_back(earliest);
  }
  for (FilterHandle filter : redundant) Remove(filter);
  return false;
}

void Filters::Install(AgentHandle agent, NodeHandle client, const Resources& refused,
                      MonotonicTime end) {
  if (refused.empty()) return;
  if (agent.index() >= by_agent_.size()) by_agent_.resize(agent.index() + size_t{1});
  if (client.index() >= by_client_.size()) by_client_.resize(client.index() + size_t{1});
  if (Absorb(agent, client, refused, end)) return;

  OfAgent& of = by_agent_[agent.index()];
  Filter filter;
  filter.agent = agent;
  filter.client = client;
  filter.refusal = ShareRefusal(of, refused);
  filter.end = end;
  filter.next_of_client = by_client_[client.index()];
  const FilterHandle handle = filters_.Add(filter);
  if (filter.next_of_client) filters_[filter.next_of_client].previous_of_client = handle;
  by_client_[client.index()] = handle;
  ends_.Push(handle, end);
  const Entry entry{client, handle, filter.refusal};
  of.entries.insert(std::lower_bound(of.entries.begin(), of.entries.end(), entry), entry);
}

void Filters::Unlink(FilterHandle handle) {
  const Filter& filter = filters_[handle];
  FilterHandle& before = filter.previous_of_client
                             ? filters_[filter.previous_of_client].next_of_client
                             : by_client_[filter.client.index()];
  before = filter.next_of_client;
  if (filter.next_of_client) {
    filters_[filter.next_of_client].previous_of_client = filter.previous_of_client;
  }
  std::vector<Refusal>& refusals = by_agent_[filter.agent.index()].refusals;
  if (--refusals[filter.refusal].filters == 0) refusals[filter.refusal].resources = Resources();
  while (!refusals.empty() && refusals.back().filters == 0) refusals.pop_back();
  ends_.Erase(handle);
  filters_.Remove(handle);
}

void Filters::Remove(FilterHandle handle) {
  std::vector<Entry>& entries = by_agent_[filters_[handle].agent.index()].entries;
  const Entry entry{filters_[handle].client, handle, filters_[handle].refusal};
  const auto place = std::lower_bound(entries.begin(), entries.end(), entry);
  assert(place != entries.end() && *place == entry);
  entries.erase(place);
  Unlink(handle);
}

void Filters::RemoveClient(NodeHandle client) {
  if (client.index() >= by_client_.size()) return;
  while (by_client_[client.index()]) Remove(by_client_[client.index()]);
}

void Filters::RemoveAgent(AgentHandle agent) {
  if (agent.index() >= by_agent_.size()) return;
  for (const Entry& entry : by_agent_[agent.index()].entries) Unlink(entry.filter);
  by_agent_[agent.index()] = OfAgent();
}

std::optional<std::pair<AgentHandle, NodeHandle>> Filters::PopEnded(MonotonicTime now) {
  if (ends_.empty() || ends_.top().time > now) return std::nullopt;
  const FilterHandle handle = ends_.top().handle;
  const std::pair result(filters_[handle].agent, filters_[handle].client);
  Remove(handle);
  return result;
}

std::optional<MonotonicTime> Filters::NextEnd() const {
  if (ends_.empty()) return std::nullopt;
  return ends_.top().time;
}

bool Filters::Hides(AgentHandle agent, NodeHandle client, const Resources& resources) const {
  if (!AnyOn(agent)) return false;
  const OfAgent& of = by_agent_[agent.index()];
  const auto [first, last] = EntriesOf(of, client);
  return std::ranges::any_of(first, last, [&](const Entry& entry) {
    return of.refusals[entry.refusal].resources.Contains(resources);
  });
}

}  // namespace tepui::allocator
