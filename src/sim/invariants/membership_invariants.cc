// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/membership_invariants.h"

namespace tepui::sim {

namespace {

using SchedulerEvent = mesos::v1::scheduler::Event;

}  // namespace

std::string_view MembershipInvariants::Name(Standing standing) {
  switch (standing) {
    case Standing::kUnknown:
      return "unknown";
    case Standing::kAdmitted:
      return "admitted";
    case Standing::kUnreachable:
      return "unreachable";
    case Standing::kRemoved:
      return "removed";
  }
  return "?";
}

MembershipInvariants::Standing MembershipInvariants::Of(const std::string& agent) const {
  const auto found = standings_.find(agent);
  return found == standings_.end() ? Standing::kUnknown : found->second;
}

void MembershipInvariants::OnLeading(const std::string& host, uint64_t epoch) {
  if (epoch <= epoch_) {
    findings_.Report("one-leader", "{} leads with epoch {}, but {} has begun epoch {}", host, epoch,
                     leader_, epoch_);
    return;
  }
  epoch_ = epoch;
  leader_ = host;
  taken_back_.clear();
}

void MembershipInvariants::OnCommitted(uint64_t epoch, const std::string& op,
                                       const std::string& id) {
  if (epoch < epoch_) {
    findings_.Report("one-leader", "The registry took '{} {}' of epoch {} in epoch {}", op, id,
                     epoch, epoch_);
  }
  if (op == "remove framework") {
    removed_frameworks_.insert(id);
    return;
  }
  Standing& standing = standings_[id];
  taken_back_.erase(id);
  if (op == "reachable" && standing == Standing::kUnreachable) taken_back_.insert(id);
  if (op == "unreachable") {
    standing = Standing::kUnreachable;
  } else if (op == "remove" || op == "gone") {
    standing = Standing::kRemoved;
  } else if (op == "forget") {
    standing = Standing::kUnknown;
  } else {
    if (standing == Standing::kRemoved) {
      findings_.Report("gone-stays-gone", "The registry took '{} {}' though the agent was removed",
                       op, id);
    }
    standing = Standing::kAdmitted;
  }
}

// Messages of a master that was deposed without noticing are not checked: it cannot write, and its
// clients leave it. Only those of the newest leader are compared with the registry.
void MembershipInvariants::OnMasterSends(const std::string& host, const std::string& framework,
                                         const SchedulerEvent& event) {
  if (host != leader_) return;
  switch (event.type()) {
    case SchedulerEvent::UPDATE:
      return OnUpdate(framework, event.update().status());
    case SchedulerEvent::OFFERS:
      for (const v1::Offer& offer : event.offers().offers()) {
        const std::string& agent = offer.agent_id().value();
        if (Of(agent) == Standing::kAdmitted) continue;
        findings_.Report("durable-first", "Framework {} is offered agent {}, which is {}",
                         framework, agent, Name(Of(agent)));
      }
      return;
    case SchedulerEvent::FAILURE: {
      const std::string& agent = event.failure().agent_id().value();
      if (event.failure().has_executor_id() || Of(agent) == Standing::kUnreachable ||
          Of(agent) == Standing::kRemoved) {
        return;
      }
      findings_.Report("durable-first", "Framework {} is told that agent {} is lost, which is {}",
                       framework, agent, Name(Of(agent)));
      return;
    }
    default:
      return;
  }
}

void MembershipInvariants::OnUpdate(const std::string& framework, const v1::TaskStatus& status) {
  if (status.source() != v1::TaskStatus::SOURCE_MASTER) return;
  const bool unreachable = status.has_unreachable_time();
  const bool gone =
      status.state() == v1::TASK_GONE_BY_OPERATOR ||
      (status.state() == v1::TASK_GONE && status.reason() == v1::TaskStatus::REASON_AGENT_REMOVED);
  if (!unreachable && !gone) return;
  const Standing wanted = unreachable ? Standing::kUnreachable : Standing::kRemoved;
  const Standing is = Of(status.agent_id().value());
  if (is == wanted) return;
  // The registry's answer is still in flight: for the master the agent is still unreachable.
  if (unreachable && taken_back_.contains(status.agent_id().value())) return;
  findings_.Report("durable-first", "Framework {} is told {} of task {}, but its agent {} is {}",
                   framework, v1::TaskState_Name(status.state()), status.task_id().value(),
                   status.agent_id().value(), Name(is));
}

void MembershipInvariants::OnMasterSends(const std::string& host, const link::Event& event) {
  if (event.type() == link::Event::SHUTDOWN_FRAMEWORK) {
    // Checked for deposed masters too: such a master cannot have written the removal.
    const std::string& framework = event.shutdown_framework().value();
    if (removed_frameworks_.contains(framework)) return;
    findings_.Report("durable-first", "An agent is told that framework {} is removed; it is not",
                     framework);
    return;
  }
  if (host != leader_ || event.type() != link::Event::SUBSCRIBED) return;
  const std::string& agent = event.subscribed().agent_id().value();
  taken_back_.erase(agent);
  if (Of(agent) == Standing::kAdmitted) return;
  findings_.Report("durable-first", "Agent {} is told that it is registered, but it is {}", agent,
                   Name(Of(agent)));
}

void MembershipInvariants::OnPublished(const std::string& host, const master::Changes& changes) {
  for (const auto& [id, framework] : changes.frameworks) {
    if (framework == nullptr || !framework->completed) continue;
    if (removed_frameworks_.contains(id.value())) continue;
    findings_.Report("durable-first", "Readers see that framework {} is removed; it is not", id);
  }
  if (host != leader_) return;
  for (const auto& [id, agent] : changes.agents) {
    const Standing is = Of(id.value());
    if (agent != nullptr) taken_back_.erase(id.value());
    if (agent == nullptr) {
      if (is == Standing::kUnreachable || is == Standing::kRemoved) continue;
      findings_.Report("durable-first", "Readers see that agent {} has gone, but it is {}", id,
                       Name(is));
    } else if (is == Standing::kUnknown) {
      // An agent that is being marked may still be shown: the registry may be ahead, but never
      // behind.
      findings_.Report("durable-first", "Readers see agent {}, which is unknown", id);
    }
  }
}

}  // namespace tepui::sim
