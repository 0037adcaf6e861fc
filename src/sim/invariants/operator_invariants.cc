// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/operator_invariants.h"

#include <utility>

#include "model/capabilities.h"
#include "model/states.h"

namespace tepui::sim {

namespace {

using Call = mesos::v1::master::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

// What a master may report of a task on an agent that it knows to be gone. A launch on such an
// agent is dropped; one that is not valid is an error.
bool IsTrueOfGone(v1::TaskState state, bool partition_aware) {
  if (state == v1::TASK_ERROR) return true;
  if (!partition_aware) return state == v1::TASK_LOST;
  return state == v1::TASK_GONE_BY_OPERATOR || state == v1::TASK_DROPPED;
}

}  // namespace

void OperatorInvariants::OnLeading(const std::string& host) {
  leader_ = host;
  known_gone_ = gone_;
  known_removed_ = removed_;
  frameworks_.clear();
  living_.clear();
  living_on_.clear();
  answered_gone_.clear();
}

void OperatorInvariants::OnCommitted(const std::string& op, const std::string& id) {
  if (op == "remove framework") {
    removed_.insert(id);
  } else if (op == "admit" || op == "update" || op == "reachable" || op == "unreachable") {
    present_agents_.insert(id);
  } else {
    present_agents_.erase(id);
  }
  if (op != "gone") return;
  gone_.insert(id);
  if (asked_[id] > 0) return;
  findings_.Report("answers-hold", "Agent {} is marked gone, and no operator's call asks for it",
                   id);
}

// --- Calls and answers.

void OperatorInvariants::OnOperatorCall(const Call& call) {
  if (call.type() == Call::MARK_AGENT_GONE) ++asked_[call.mark_agent_gone().agent_id().value()];
}

void OperatorInvariants::OnOperatorAnswer(const std::string& host, const Call& call,
                                          unsigned status) {
  const bool refused = status >= 400 && status < 500;
  const unsigned unknown = call.type() == Call::MARK_AGENT_GONE ? 404 : 400;
  if (refused && status != unknown) {
    findings_.Report("answers-hold", "{} refuses {} with {}, which the operator takes for final",
                     host, Call::Type_Name(call.type()), status);
  }
  if (call.type() == Call::MARK_AGENT_GONE) {
    const std::string& agent = call.mark_agent_gone().agent_id().value();
    if (status == 200) OnMarkedGone(host, agent);
    if (refused) OnNoSuchAgent(host, agent);
  } else {
    const std::string& framework = call.teardown().framework_id().value();
    if (status == 200) OnTornDown(host, framework);
    if (refused) OnNoSuchFramework(host, framework);
  }
}

void OperatorInvariants::OnMarkedGone(const std::string& host, const std::string& agent) {
  if (!gone_.contains(agent)) {
    return findings_.Report("answers-hold",
                            "{} answers that agent {} is gone; the registry has not", host, agent);
  }
  if (host == leader_ && known_gone_.insert(agent).second) answered_gone_.insert(agent);
}

void OperatorInvariants::OnNoSuchAgent(const std::string& host, const std::string& agent) {
  --asked_[agent];
  if (host != leader_ || !present_agents_.contains(agent)) return;
  findings_.Report("answers-hold", "{} answers that there is no agent {}; the registry has it",
                   host, agent);
}

void OperatorInvariants::OnTornDown(const std::string& host, const std::string& framework) {
  if (!removed_.contains(framework)) {
    return findings_.Report("answers-hold",
                            "{} answers that framework {} is torn down; the registry has not", host,
                            framework);
  }
  if (host == leader_) known_removed_.insert(framework);
}

void OperatorInvariants::OnNoSuchFramework(const std::string& host, const std::string& framework) {
  if (host != leader_ || !frameworks_.contains(framework)) return;
  findings_.Report("answers-hold", "{} answers that there is no framework {}; readers see it", host,
                   framework);
}

// --- Tasks of agents that are gone.

void OperatorInvariants::CheckTold(const std::string& agent) {
  for (const TaskKey& key : living_on_[agent]) {
    const auto framework = frameworks_.find(key.first);
    if (framework == frameworks_.end() || !framework->second.connected) continue;
    const auto told = told_.find(key);
    if (told != told_.end() && model::IsTerminal(told->second)) continue;
    findings_.Report("gone-is-told",
                     "Agent {} is gone, and framework {} is not told the end of task {} on it",
                     agent, key.first, key.second);
  }
}

void OperatorInvariants::OnUpdate(const std::string& framework, const v1::TaskStatus& status) {
  const std::string& agent = status.agent_id().value();
  const auto known = frameworks_.find(framework);
  if (!known_gone_.contains(agent) || known == frameworks_.end()) return;
  if (IsTrueOfGone(status.state(), known->second.partition_aware)) return;
  findings_.Report("gone-is-told",
                   "Framework {}, {}partition-aware, is told {} of task {}, but its "
                   "agent {} is gone",
                   framework, known->second.partition_aware ? "" : "not ",
                   v1::TaskState_Name(status.state()), status.task_id().value(), agent);
}

void OperatorInvariants::OnMasterSends(const std::string& host, const std::string& framework,
                                       const SchedulerEvent& event) {
  if (event.type() == SchedulerEvent::UPDATE) {
    const v1::TaskStatus& status = event.update().status();
    told_[{framework, status.task_id().value()}] = status.state();
    if (host == leader_) OnUpdate(framework, status);
  } else if (host == leader_ && (event.has_subscribed() || event.has_offers())) {
    CheckRemoved(framework, event.has_offers() ? "gets offers" : "is subscribed");
  }
}

// --- Frameworks that were removed.

void OperatorInvariants::CheckRemoved(const std::string& framework, const char* what) {
  if (!known_removed_.contains(framework)) return;
  findings_.Report("removed-stays-removed", "Framework {} was removed and {}", framework, what);
}

void OperatorInvariants::OnMasterSends(const std::string& host, const link::Event& event) {
  if (host != leader_) return;
  if (event.has_shutdown_framework()) known_removed_.insert(event.shutdown_framework().value());
  if (event.has_run_task())
    CheckRemoved(event.run_task().framework_info().id().value(), "gets a task launched");
  if (event.has_run_task_group())
    CheckRemoved(event.run_task_group().framework_info().id().value(), "gets tasks launched");
}

// --- What the leader shows to readers.

void OperatorInvariants::OnPublished(const std::string& host, const master::Changes& changes) {
  if (host != leader_) return;
  for (const auto& [id, framework] : changes.frameworks) {
    if (framework == nullptr || framework->completed) {
      frameworks_.erase(id.value());
      if (removed_.contains(id.value())) known_removed_.insert(id.value());
      continue;
    }
    CheckRemoved(id.value(), "is shown to readers as alive");
    frameworks_[id.value()] = {.partition_aware = model::HasCapability(
                                   framework->info, v1::FrameworkInfo::Capability::PARTITION_AWARE),
                               .connected = framework->connected};
  }
  for (const std::string& agent : std::exchange(answered_gone_, {})) CheckTold(agent);
  for (const master::Changes::Task& task : changes.tasks) Publish(task);
}

void OperatorInvariants::Publish(const master::Changes::Task& task) {
  const TaskKey key{task.framework.value(), task.id.value()};
  if (const auto old = living_.extract(key); !old.empty()) living_on_[old.mapped()].erase(key);
  const master::TaskRecord& record = task.record;
  if (record.task == nullptr || record.phase == master::TaskPhase::kCompleted) return;
  if (record.phase == master::TaskPhase::kActive && model::IsTerminal(record.task->state())) return;
  const std::string& agent = record.task->agent_id().value();
  living_[key] = agent;
  living_on_[agent].insert(key);
}

}  // namespace tepui::sim
