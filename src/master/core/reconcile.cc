// SPDX-License-Identifier: Apache-2.0
// RECONCILE and RECONCILE_OPERATIONS (reference 2.4, 2.7).

#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "base/seconds.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"
#include "model/task.h"

namespace tepui::master {

namespace {

// Returns an UPDATE event with a reconciliation status: from the master, without uuid, data and
// labels.
std::shared_ptr<SchedulerEvent> ReconciliationEvent(const v1::TaskID& task, v1::TaskState state,
                                                    const char* message, double now) {
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::UPDATE);
  v1::TaskStatus* status = event->mutable_update()->mutable_status();
  *status = model::MakeStatus(v1::TaskStatus::SOURCE_MASTER, task.value(), state,
                              v1::TaskStatus::REASON_RECONCILIATION, message);
  status->set_timestamp(now);
  return event;
}

}  // namespace

void Master::Impl::Reconcile(Framework& framework, const SchedulerCall::Reconcile& reconcile) {
  Count(Counter::kMessagesReconcileTasks);
  const double now = Seconds(clock_.WallNow());
  if (reconcile.tasks().empty()) {
    spdlog::debug("Reconciling all {} tasks of framework {}", framework.tasks.size(), framework.id);
    for (const auto& [id, task] : framework.tasks) SendReconciled(framework, *task.message, now);
    return;
  }
  spdlog::debug("Reconciling {} tasks of framework {}", reconcile.tasks_size(), framework.id);
  for (const SchedulerCall::Reconcile::Task& asked : reconcile.tasks())
    ReconcileTask(framework, asked, now);
}

void Master::Impl::SendReconciled(Framework& framework, const v1::Task& task, double now) {
  auto event = ReconciliationEvent(task.task_id(), ReportedState(task),
                                   "Reconciliation: Latest task state", now);
  v1::TaskStatus* status = event->mutable_update()->mutable_status();
  *status->mutable_agent_id() = task.agent_id();
  AddTaskFacts(task, status);
  Send(framework, std::move(event));
}

// The table of reference 2.7, in order.
void Master::Impl::ReconcileTask(Framework& framework, const SchedulerCall::Reconcile::Task& asked,
                                 double now) {
  if (const auto it = framework.tasks.find(TaskId(asked.task_id().value()));
      it != framework.tasks.end()) {
    if (TEPUI_PLANTED_FAULT("known-tasks-not-answered")) return;
    return SendReconciled(framework, *it->second.message, now);
  }
  // If the framework names no agent, the master knows where a lost task was.
  const v1::Task* lost = framework.unreachable.Find(TaskId(asked.task_id().value()));
  const AgentId agent(asked.has_agent_id() ? asked.agent_id().value()
                      : lost != nullptr    ? lost->agent_id().value()
                                           : std::string());
  const bool named = !agent.empty();
  // An agent that has not reregistered yet may have the task.
  const Standing standing = membership_.StandingOf(agent);
  if (named ? standing == Standing::kRecovered : membership_.count(Standing::kRecovered) > 0)
    return;

  std::shared_ptr<SchedulerEvent> event;
  if (standing == Standing::kActive || standing == Standing::kDisconnected) {
    event = ReconciliationEvent(asked.task_id(), StateFor(framework, v1::TASK_GONE),
                                "Reconciliation: Task is unknown to the agent", now);
  } else if (const auto since = membership_.UnreachableSince(agent)) {
    const bool gone = TEPUI_PLANTED_FAULT("unreachable-answered-as-gone");
    event = ReconciliationEvent(asked.task_id(),
                                StateFor(framework, gone ? v1::TASK_GONE : v1::TASK_UNREACHABLE),
                                "Reconciliation: Task is unreachable", now);
    event->mutable_update()->mutable_status()->mutable_unreachable_time()->set_nanoseconds(
        since->time_since_epoch().count());
  } else if (standing == Standing::kGone) {
    event = ReconciliationEvent(asked.task_id(), StateFor(framework, v1::TASK_GONE_BY_OPERATOR),
                                "Reconciliation: Task is gone", now);
  } else {
    event = ReconciliationEvent(asked.task_id(), StateFor(framework, v1::TASK_UNKNOWN),
                                "Reconciliation: Task is unknown", now);
  }
  if (named)
    event->mutable_update()->mutable_status()->mutable_agent_id()->set_value(agent.value());
  Send(framework, std::move(event));
}

void Master::Impl::ReconcileOperations(Framework& framework,
                                       const SchedulerCall::ReconcileOperations& reconcile) {
  Count(Counter::kMessagesReconcileOperations);
  const auto send_known = [&](const Operation& operation) {
    const v1::Operation& message = operation.message;
    v1::OperationStatus status =
        message.statuses().empty() ? message.latest_status() : *message.statuses().rbegin();
    status.clear_uuid();  // Not to be acknowledged: the reliable update comes by itself.
    SendOperationStatus(framework, std::move(status));
  };
  if (reconcile.operations().empty()) {
    for (const auto& [id, operation] : framework.operations_by_id) send_known(*operation);
    return;
  }
  for (const SchedulerCall::ReconcileOperations::Operation& asked : reconcile.operations()) {
    const auto known = framework.operations_by_id.find(asked.operation_id().value());
    if (known != framework.operations_by_id.end()) {
      send_known(*known->second);
    } else {
      SendOperationStatus(framework, UnknownOperation(asked));
    }
  }
}

v1::OperationStatus Master::Impl::UnknownOperation(
    const SchedulerCall::ReconcileOperations::Operation& asked) {
  v1::OperationStatus status;
  *status.mutable_operation_id() = asked.operation_id();
  if (asked.has_agent_id()) *status.mutable_agent_id() = asked.agent_id();
  if (asked.has_resource_provider_id())
    *status.mutable_resource_provider_id() = asked.resource_provider_id();
  const auto answer = [&](v1::OperationState state, const char* message) {
    status.set_state(state);
    status.set_message(message);
    return status;
  };
  if (!asked.has_agent_id()) {
    return answer(v1::OPERATION_UNKNOWN,
                  "Reconciliation: Operation is unknown and no agent_id was given");
  }
  const AgentId agent(asked.agent_id().value());
  switch (membership_.StandingOf(agent)) {
    case Standing::kRecovered:
      return answer(v1::OPERATION_RECOVERING,
                    "Reconciliation: Agent has not reregistered with this master yet");
    case Standing::kActive:
    case Standing::kDisconnected:
      return answer(v1::OPERATION_UNKNOWN, "Reconciliation: Operation is unknown");
    case Standing::kUnreachable:
      return answer(v1::OPERATION_UNREACHABLE, "Reconciliation: Agent is unreachable");
    case Standing::kGone:
      return answer(v1::OPERATION_GONE_BY_OPERATOR,
                    "Reconciliation: Agent was marked gone by an operator");
    case Standing::kUnknown:
      break;
  }
  return answer(v1::OPERATION_UNKNOWN, "Reconciliation: Operation and agent are unknown");
}

}  // namespace tepui::master
