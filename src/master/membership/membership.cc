// SPDX-License-Identifier: Apache-2.0
#include "master/membership/membership.h"

#include <cassert>
#include <ranges>

namespace tepui::master {

// --- Where agents stand.

Membership::Standing Membership::StandingAt(const Place& place) {
  if (std::holds_alternative<Recovering>(place)) return Standing::kRecovered;
  if (const auto* admitted = std::get_if<Admitted>(&place))
    return admitted->connected ? Standing::kActive : Standing::kDisconnected;
  if (std::holds_alternative<Unreachable>(place)) return Standing::kUnreachable;
  if (std::holds_alternative<Gone>(place)) return Standing::kGone;
  return Standing::kUnknown;
}

const Membership::Entry* Membership::Find(const AgentId& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : &it->second;
}

Membership::Standing Membership::StandingOf(const AgentId& id) const {
  const Entry* entry = Find(id);
  return entry == nullptr ? Standing::kUnknown : StandingAt(entry->place);
}

bool Membership::IsAdmitted(const AgentId& id) const {
  const Entry* entry = Find(id);
  return entry != nullptr && std::holds_alternative<Admitted>(entry->place);
}

Membership::Writing Membership::WritingOf(const AgentId& id) const {
  const Entry* entry = Find(id);
  return entry == nullptr ? Writing::kNothing : entry->writing;
}

bool Membership::IsBeingWritten(const AgentId& id) const {
  return WritingOf(id) != Writing::kNothing;
}

bool Membership::IsBeingAdmitted(const AgentId& id) const {
  return WritingOf(id) == Writing::kAdmission;
}

bool Membership::IsLeaving(const AgentId& id) const { return WritingOf(id) == Writing::kRemoval; }

const mesos::v1::AgentInfo* Membership::RecoveredInfo(const AgentId& id) const {
  const Entry* entry = Find(id);
  const auto* recovering = entry == nullptr ? nullptr : std::get_if<Recovering>(&entry->place);
  return recovering == nullptr ? nullptr : recovering->info.get();
}

std::optional<WallTime> Membership::UnreachableSince(const AgentId& id) const {
  const Entry* entry = Find(id);
  const auto* unreachable = entry == nullptr ? nullptr : std::get_if<Unreachable>(&entry->place);
  if (unreachable == nullptr) return std::nullopt;
  return unreachable->since;
}

std::vector<AgentId> Membership::Recovered() const {
  std::vector<AgentId> recovered;
  recovered.reserve(count(Standing::kRecovered));
  for (const auto& [id, entry] : entries_) {
    if (std::holds_alternative<Recovering>(entry.place)) recovered.push_back(id);
  }
  return recovered;
}

// --- Changes of standings.

void Membership::Recover(RecoveredRegistry registry) {
  assert(entries_.empty());
  const auto place = [this](const AgentId& id, Place where) {
    const auto [it, is_new] = entries_.try_emplace(id);
    if (is_new) Count(id, it->second);
    MoveTo(it, std::move(where));
  };
  for (mesos::v1::AgentInfo& info : registry.agents) {
    const AgentId id(info.id().value());
    place(id, Recovering{std::make_unique<const mesos::v1::AgentInfo>(std::move(info))});
  }
  for (const auto& [id, since] : registry.unreachable)
    place(id, Unreachable{.since = since, .tasks = {}});
  for (const auto& [id, since] : registry.gone) place(id, Gone{since});
}

void Membership::BeginAdmission(const AgentId& id) {
  const auto [it, is_new] = entries_.try_emplace(id);
  Entry& entry = it->second;
  if (is_new) Count(id, entry);
  assert(entry.writing == Writing::kNothing);
  assert(!std::holds_alternative<Gone>(entry.place));
  entry.writing = Writing::kAdmission;
}

Membership::Tasks Membership::Admit(const AgentId& id) {
  const auto it = InProgress(id, Writing::kAdmission);
  const auto* known = std::get_if<Admitted>(&it->second.place);
  Admitted admitted = known == nullptr ? Admitted{} : *known;
  admitted.connected = true;
  return MoveTo(it, admitted);
}

void Membership::AbandonAdmission(const AgentId& id) {
  EndChange(InProgress(id, Writing::kAdmission));
}

void Membership::Disconnect(const AgentId& id) {
  const auto it = entries_.find(id);
  assert(it != entries_.end() && StandingAt(it->second.place) == Standing::kActive);
  Uncount(id, it->second);
  std::get<Admitted>(it->second.place).connected = false;
  Count(id, it->second);
}

void Membership::BeginRemoval(const AgentId& id) {
  const auto it = entries_.find(id);
  assert(it != entries_.end() && StandingAt(it->second.place) != Standing::kUnknown);
  assert(it->second.writing == Writing::kNothing ||
         (it->second.writing == Writing::kAdmission &&
          std::holds_alternative<Admitted>(it->second.place)));
  it->second.writing = Writing::kRemoval;
}

void Membership::MarkUnreachable(const AgentId& id, WallTime since, Tasks tasks) {
  const auto it = InProgress(id, Writing::kRemoval);
  assert(std::holds_alternative<Recovering>(it->second.place) ||
         std::holds_alternative<Admitted>(it->second.place));
  MoveTo(it, Unreachable{.since = since, .tasks = std::move(tasks)});
}

Membership::Tasks Membership::MarkGone(const AgentId& id, WallTime since) {
  const auto it = InProgress(id, Writing::kRemoval);
  assert(!std::holds_alternative<Gone>(it->second.place));
  return MoveTo(it, Gone{since});
}

Membership::Tasks Membership::Forget(const AgentId& id) {
  return MoveTo(InProgress(id, Writing::kRemoval), std::monostate{});
}

void Membership::AbandonRemoval(const AgentId& id) { EndChange(InProgress(id, Writing::kRemoval)); }

Membership::Entries::iterator Membership::InProgress(const AgentId& id, Writing writing) {
  const auto it = entries_.find(id);
  assert(it != entries_.end() && it->second.writing == writing);
  return it;
}

void Membership::EndChange(Entries::iterator it) {
  it->second.writing = Writing::kNothing;
  if (StandingAt(it->second.place) != Standing::kUnknown) return;
  Uncount(it->first, it->second);
  entries_.erase(it);
}

Membership::Tasks Membership::MoveTo(Entries::iterator it, Place place) {
  Entry& entry = it->second;
  Uncount(it->first, entry);
  Tasks tasks;
  if (auto* unreachable = std::get_if<Unreachable>(&entry.place))
    tasks = std::move(unreachable->tasks);
  entry.place = std::move(place);
  Count(it->first, entry);
  EndChange(it);
  return tasks;
}

void Membership::Uncount(const AgentId& id, const Entry& entry) {
  --counts_[static_cast<size_t>(StandingAt(entry.place))];
  if (const auto* unreachable = std::get_if<Unreachable>(&entry.place))
    unreachable_.erase(unreachable->number);
  if (const auto* gone = std::get_if<Gone>(&entry.place)) gone_.erase({gone->since, id});
}

void Membership::Count(const AgentId& id, Entry& entry) {
  ++counts_[static_cast<size_t>(StandingAt(entry.place))];
  if (auto* unreachable = std::get_if<Unreachable>(&entry.place)) {
    unreachable->number = next_unreachable_++;
    unreachable_.emplace(unreachable->number, std::pair(unreachable->since, id));
  }
  if (const auto* gone = std::get_if<Gone>(&entry.place)) gone_.emplace(gone->since, id);
}

// --- Pruning.

bool Membership::HasTooManyUnreachable() const {
  return count(Standing::kUnreachable) > limits_.max_count / 10 * 11 + 1;
}

Membership::Prunable Membership::BeginPruning(WallTime now) {
  const WallTime oldest = now - limits_.max_age;
  return {.unreachable = BeginForgetting(std::views::values(unreachable_), oldest),
          .gone = BeginForgetting(gone_, oldest)};
}

template <class Range>
std::vector<AgentId> Membership::BeginForgetting(const Range& oldest_first, WallTime oldest) {
  std::vector<AgentId> forgotten;
  size_t left = std::ranges::size(oldest_first);
  for (const auto& [since, id] : oldest_first) {
    if (left <= limits_.max_count && since >= oldest) break;
    --left;
    Entry& entry = entries_.at(id);
    if (entry.writing != Writing::kNothing) continue;
    entry.writing = Writing::kRemoval;
    forgotten.push_back(id);
  }
  return forgotten;
}

}  // namespace tepui::master
