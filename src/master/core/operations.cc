// SPDX-License-Identifier: Apache-2.0
// Outcomes and acknowledgements of accepted offer operations (reference 2.4).

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"
#include "master/rules/resource_form.h"

namespace tepui::master {

namespace {

// How long an unknown framework may take to come back for its operation before the master
// acknowledges for it.
constexpr Duration kOrphanWait = std::chrono::minutes(10);
// The number of statuses kept of an operation; each may be acknowledged.
constexpr int kMaxStatuses = 16;

void Own(Framework& framework, Operation& operation) {
  operation.framework = &framework;
  framework.operations.insert(&operation);
  if (operation.message.info().has_id())
    framework.operations_by_id[operation.message.info().id().value()] = &operation;
}

}  // namespace

void Master::Impl::Apply(Framework& framework, Agent& agent, v1::Offer::Operation info,
                         Resources consumed, Resources converted) {
  agent.total -= consumed;
  agent.total += converted;
  publisher_.AgentTouched(agent);
  Associate(framework, agent);

  // The agent keeps its resources without allocation info.
  ClearAllocation(&info);
  const std::string uuid = random_.UuidBytes();
  link::Event event;
  event.set_type(link::Event::APPLY_OPERATION);
  link::Event::ApplyOperation& apply = *event.mutable_apply_operation();
  apply.mutable_framework_id()->set_value(framework.id.value());
  apply.set_operation_uuid(uuid);
  *apply.mutable_info() = info;
  if (!agent.resource_version.empty()) apply.set_resource_version_uuid(agent.resource_version);
  Send(agent, std::move(event));

  if (!agent.operation_feedback) {
    // Such an agent reports no outcome, so the operation counts as finished.
    counters_.OperationEnters(info.type(), v1::OPERATION_FINISHED);
    return;
  }
  v1::Operation message;
  message.mutable_framework_id()->set_value(framework.id.value());
  message.mutable_agent_id()->set_value(agent.id.value());
  message.mutable_latest_status()->set_state(v1::OPERATION_PENDING);
  message.mutable_latest_status()->mutable_agent_id()->set_value(agent.id.value());
  if (info.has_id()) *message.mutable_latest_status()->mutable_operation_id() = info.id();
  message.mutable_uuid()->set_value(uuid);
  *message.mutable_info() = std::move(info);
  Operation& operation = AddOperation(&framework, agent, std::move(message));
  operation.consumed = std::move(consumed);
  operation.converted = std::move(converted);
}

Operation& Master::Impl::AddOperation(Framework* framework, Agent& agent, v1::Operation message) {
  counters_.OperationEnters(message.info().type(), message.latest_status().state());
  Operation& operation = agent.operations[message.uuid().value()];
  operation.agent = &agent;
  operation.message = std::move(message);
  if (framework != nullptr) Own(*framework, operation);
  return operation;
}

void Master::Impl::LinkOperations(Framework& framework) {
  for (const auto& [agent_id, agent] : agents_) {
    for (auto& [uuid, operation] : agent->operations) {
      if (operation.framework != nullptr) continue;
      if (operation.message.framework_id().value() == framework.id.value())
        Own(framework, operation);
    }
  }
}

void Master::Impl::RemoveOperation(Operation& operation) {
  counters_.OperationLeaves(operation.message.info().type(),
                            operation.message.latest_status().state());
  if (Framework* framework = operation.framework; framework != nullptr) {
    framework->operations.erase(&operation);
    if (operation.message.info().has_id()) {
      const auto it = framework->operations_by_id.find(operation.message.info().id().value());
      if (it != framework->operations_by_id.end() && it->second == &operation)
        framework->operations_by_id.erase(it);
    }
  }
  const std::string uuid = operation.message.uuid().value();
  operation.agent->operations.erase(uuid);
}

void Master::Impl::OnOperationUpdate(Agent& agent, const link::Call::OperationUpdate& update) {
  Count(Counter::kMessagesOperationStatusUpdate);
  const auto it = agent.operations.find(update.operation_uuid());
  if (it == agent.operations.end()) {
    Count(Counter::kInvalidOperationStatusUpdates);
    // Its end was acknowledged, or the agent gives no operation feedback. A framework that knows
    // the operation may still want the status.
    Framework* framework = FindFramework(FrameworkId(update.framework_id().value()));
    if (framework != nullptr && update.status().has_operation_id())
      SendOperationStatus(*framework, update.status());
    return;
  }
  Count(Counter::kValidOperationStatusUpdates);
  Operation& operation = it->second;
  v1::OperationStatus status =
      update.has_latest_status() ? update.latest_status() : update.status();
  if (!status.has_agent_id()) status.mutable_agent_id()->set_value(agent.id.value());
  if (operation.message.info().has_id())
    *status.mutable_operation_id() = operation.message.info().id();
  UpdateOperation(operation, status);

  if (operation.framework == nullptr || !operation.message.info().has_id()) {
    return AcknowledgeForFramework(operation, status);
  }
  SendOperationStatus(*operation.framework, status);
  if (IsTerminal(status.state()) && !status.has_uuid()) RemoveOperation(operation);
}

void Master::Impl::UpdateOperation(Operation& operation, const v1::OperationStatus& status) {
  v1::Operation& message = operation.message;
  const v1::OperationState before = message.latest_status().state();
  if (!IsTerminal(before)) {
    if (before != status.state()) {
      counters_.OperationLeaves(message.info().type(), before);
      counters_.OperationEnters(message.info().type(), status.state());
    }
    *message.mutable_latest_status() = status;
    if (IsTerminal(status.state()) && status.state() != v1::OPERATION_FINISHED) Revert(operation);
  }
  // A retry of a status is not added again.
  auto* statuses = message.mutable_statuses();
  const bool known = std::ranges::any_of(*statuses, [&](const v1::OperationStatus& old) {
    return old.state() == status.state() && old.uuid().value() == status.uuid().value();
  });
  if (known) return;
  if (statuses->size() >= kMaxStatuses) statuses->DeleteSubrange(0, 1);
  *statuses->Add() = status;
}

// Undoes an operation that the master applied but the agent could not perform: restores the agent's
// total and rescinds its offers, which may show the result.
void Master::Impl::Revert(Operation& operation) {
  Agent& agent = *operation.agent;
  const Resources consumed = std::exchange(operation.consumed, {});
  const Resources converted = std::exchange(operation.converted, {});
  if (consumed.empty() && converted.empty()) return;
  RescindOffers(agent);
  if (Status status = allocator_.ConvertFree(agent.id, converted, consumed); !status) {
    // Tasks hold the result. They fail on the agent because of its resource version, and its real
    // total comes when it subscribes.
    spdlog::warn("Operation {} failed on agent {}, but a task already uses its result: {}",
                 operation.message.info().id().value(), agent.id, status.error().message);
    return;
  }
  agent.total -= converted;
  agent.total += consumed;
  publisher_.AgentTouched(agent);
}

void Master::Impl::SendOperationStatus(Framework& framework, v1::OperationStatus status) {
  if (!framework.connected()) return;
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::UPDATE_OPERATION_STATUS);
  *event->mutable_update_operation_status()->mutable_status() = std::move(status);
  Send(framework, std::move(event));
}

void Master::Impl::AcknowledgeForFramework(Operation& operation,
                                           const v1::OperationStatus& status) {
  Agent& agent = *operation.agent;
  const v1::Operation& message = operation.message;
  if (status.has_uuid() && message.info().has_id() &&
      !IsCompleted(FrameworkId(message.framework_id().value())) &&
      clock_.WallNow() - agent.reregistered.value_or(agent.registered) < kOrphanWait) {
    return;  // The agent retries; the framework may be back by then.
  }
  if (status.has_uuid()) {
    link::Event event;
    event.set_type(link::Event::OPERATION_ACKNOWLEDGEMENT);
    event.mutable_operation_acknowledgement()->set_operation_uuid(message.uuid().value());
    event.mutable_operation_acknowledgement()->set_status_uuid(status.uuid().value());
    Send(agent, std::move(event));
  }
  if (IsTerminal(status.state())) RemoveOperation(operation);
}

void Master::Impl::AcknowledgeOperation(
    Framework& framework, const SchedulerCall::AcknowledgeOperationStatus& acknowledge) {
  Count(Counter::kMessagesOperationStatusUpdateAcknowledgement);
  const auto refuse = [&](const std::string& why) {
    Count(Counter::kInvalidOperationStatusUpdateAcknowledgements);
    spdlog::warn("Ignoring an acknowledgement of framework {} for operation '{}': {}", framework.id,
                 acknowledge.operation_id().value(), why);
  };
  Agent* agent = FindAgent(acknowledge.agent_id().value());
  if (agent == nullptr || !agent->connected) {
    return refuse(fmt::format("agent {} is not connected", acknowledge.agent_id().value()));
  }
  const auto it = framework.operations_by_id.find(acknowledge.operation_id().value());
  if (it == framework.operations_by_id.end() || it->second->agent != agent)
    return refuse("there is no operation with that id");
  Operation& operation = *it->second;
  const auto& statuses = operation.message.statuses();
  const auto status = std::ranges::find_if(statuses, [&](const v1::OperationStatus& known) {
    return known.has_uuid() && known.uuid().value() == acknowledge.uuid();
  });
  if (status == statuses.end()) return refuse("no status with that uuid was sent");

  link::Event event;
  event.set_type(link::Event::OPERATION_ACKNOWLEDGEMENT);
  event.mutable_operation_acknowledgement()->set_operation_uuid(operation.message.uuid().value());
  event.mutable_operation_acknowledgement()->set_status_uuid(acknowledge.uuid());
  Send(*agent, std::move(event));
  if (IsTerminal(status->state())) RemoveOperation(operation);
  Count(Counter::kValidOperationStatusUpdateAcknowledgements);
}

void Master::Impl::EndOperations(Agent& agent, v1::OperationState state, std::string_view why) {
  std::vector<Operation*> operations;
  for (auto& [uuid, operation] : agent.operations) operations.push_back(&operation);
  for (Operation* operation : operations) {
    const v1::Offer::Operation& info = operation->message.info();
    if (!IsTerminal(operation->message.latest_status().state()))
      counters_.OperationEnters(info.type(), state);
    if (operation->framework != nullptr && info.has_id()) {
      v1::OperationStatus status;
      *status.mutable_operation_id() = info.id();
      status.set_state(state);
      status.set_message(std::string(why));
      status.mutable_agent_id()->set_value(agent.id.value());
      SendOperationStatus(*operation->framework, std::move(status));
    }
    RemoveOperation(*operation);
  }
}

}  // namespace tepui::master
