// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/registry.h"

#include <utility>

namespace tepui::sim {

namespace {

constexpr std::string_view kAgents = "registry/agents/";
constexpr std::string_view kUnreachable = "registry/unreachable/";
constexpr std::string_view kGone = "registry/gone/";
constexpr std::string_view kRemovedFrameworks = "registry/removed_frameworks/";

}  // namespace

std::optional<Registry::Record> Registry::Held(std::string_view agent) const {
  for (const auto& [kind, standing] :
       {std::pair(kAgents, Standing::kAdmitted), std::pair(kUnreachable, Standing::kUnreachable),
        std::pair(kGone, Standing::kRemoved)}) {
    const auto found = data()->records.find(fmt::format("{}{}", kind, agent));
    if (found != data()->records.end()) return Record{standing, found->second.version};
  }
  return std::nullopt;
}

std::optional<Registry::Standing> Registry::Find(std::string_view agent) const {
  if (const auto held = Held(agent)) return held->standing;
  return removed_.contains(agent) ? std::optional(Standing::kRemoved) : std::nullopt;
}

bool Registry::IsRemoved(std::string_view framework) const {
  return data()->records.contains(fmt::format("{}{}", kRemovedFrameworks, framework));
}

void Registry::OnFenced(const Host& host) {
  Durable::OnFenced(host);
  world_.Write("registry begins epoch {} for {}", epoch(), host);
  observer_.OnLeading(host, epoch());
}

void Registry::BeforeCommit(const storage::Batch& batch) {
  before_.clear();
  removing_.clear();
  for (const storage::Write& write : batch) {
    if (write.key.starts_with(kRemovedFrameworks) && !data()->records.contains(write.key))
      removing_.push_back(write.key.substr(kRemovedFrameworks.size()));
    for (const std::string_view kind : {kAgents, kUnreachable, kGone}) {
      if (!write.key.starts_with(kind)) continue;
      const std::string agent = write.key.substr(kind.size());
      before_.emplace(agent, Held(agent));
    }
  }
}

void Registry::AfterCommit(uint64_t epoch) {
  for (const std::string& framework : std::exchange(removing_, {})) {
    if (!IsRemoved(framework)) continue;
    world_.Write("registry takes the removal of framework {} in epoch {}", framework, epoch);
    observer_.OnCommitted(epoch, "remove framework", framework);
  }
  for (const auto& [agent, before] : std::exchange(before_, {})) {
    const std::optional<Record> after = Held(agent);
    if (after == before) continue;  // The write was refused.
    const char* op = "remove";
    if (after && after->standing == Standing::kRemoved) {
      op = "gone";
    } else if (after && after->standing == Standing::kUnreachable) {
      op = "unreachable";
    } else if (after && before && before->standing != Standing::kRemoved) {
      op = before->standing == Standing::kAdmitted ? "update" : "reachable";
    } else if (after) {
      op = "admit";
    } else if (before->standing != Standing::kAdmitted) {
      op = "forget";
    }
    if (after || before->standing != Standing::kAdmitted) {
      removed_.erase(agent);
    } else {
      removed_.insert(agent);
    }
    world_.Write("registry takes {} {} in epoch {}", op, agent, epoch);
    observer_.OnCommitted(epoch, op, agent);
  }
}

}  // namespace tepui::sim
