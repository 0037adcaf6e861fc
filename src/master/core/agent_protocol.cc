// SPDX-License-Identifier: Apache-2.0
// Calls of a subscribed agent (proto/tepui/link.proto).

#include <utility>

#include "base/log.h"
#include "master/core/master_impl.h"

namespace tepui::master {

Agent* Master::Impl::FindAgentByStream(const std::string& stream_uuid) {
  const auto it = agents_by_stream_uuid_.find(stream_uuid);
  return it == agents_by_stream_uuid_.end() ? nullptr : it->second;
}

void Master::Impl::OnAgentCalls(const std::string& stream_uuid, const link::Calls& calls,
                                Reply reply) {
  Agent* agent = FindAgentByStream(stream_uuid);
  if (agent == nullptr) {
    return reply(Fail(Code::kForbidden, "No agent is subscribed on stream '{}'; subscribe again",
                      stream_uuid));
  }
  for (const link::Call& call : calls.calls()) {
    if (call.type() == link::Call::SUBSCRIBE) {
      return reply(Fail(Code::kInvalid,
                        "SUBSCRIBE must be the only call in its batch, and opens a new stream"));
    }
  }
  // Any call from the agent counts as a PONG.
  agent->awaits_pong = false;
  agent->missed_pings = 0;
  CancelUnreachable(agent->id);
  for (const link::Call& call : calls.calls()) Handle(*agent, call);
  reply({});
}

void Master::Impl::Handle(Agent& agent, const link::Call& call) {
  switch (call.type()) {
    case link::Call::STATUS_UPDATE:
      if (call.has_status_update()) return OnStatusUpdate(agent, call.status_update());
      break;
    case link::Call::EXECUTOR_MESSAGE:
      if (call.has_executor_message()) return OnExecutorMessage(agent, call.executor_message());
      break;
    case link::Call::EXECUTOR_EXITED:
      if (call.has_executor_exited()) return OnExecutorExited(agent, call.executor_exited());
      break;
    case link::Call::OPERATION_UPDATE:
      if (call.has_operation_update()) return OnOperationUpdate(agent, call.operation_update());
      break;
    case link::Call::PONG:
      return;
    case link::Call::UNREGISTER:
      Count(Counter::kMessagesUnregisterAgent);
      return RemoveAgent(agent, Counter::kAgentRemovalsUnregistered, "the agent unregistered");
    case link::Call::SUBSCRIBE:
    case link::Call::UNKNOWN:
      break;
  }
  Count(Counter::kDroppedMessages);
  spdlog::warn("Dropping a malformed {} of agent {}", link::Call::Type_Name(call.type()), agent.id);
}

void Master::Impl::OnExecutorMessage(Agent& agent, const link::Call::ExecutorMessage& message) {
  Count(Counter::kMessagesExecutorToFramework);
  Framework* framework = FindFramework(FrameworkId(message.framework_id().value()));
  if (framework == nullptr || !framework->connected()) {
    return Count(Counter::kInvalidExecutorToFrameworkMessages);
  }
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::MESSAGE);
  event->mutable_message()->mutable_agent_id()->set_value(agent.id.value());
  *event->mutable_message()->mutable_executor_id() = message.executor_id();
  event->mutable_message()->set_data(message.data());
  Send(*framework, std::move(event));
  Count(Counter::kValidExecutorToFrameworkMessages);
}

void Master::Impl::OnExecutorExited(Agent& agent, const link::Call::ExecutorExited& exited) {
  Count(Counter::kMessagesExitedExecutor);
  Executor* executor =
      FindExecutor(agent, FrameworkId(exited.framework_id().value()), exited.executor_id().value());
  if (executor == nullptr)
    return;  // A command task's executor, or one that was removed with its framework.
  Framework& framework = *executor->framework;
  RemoveExecutor(*executor);
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::FAILURE);
  event->mutable_failure()->mutable_agent_id()->set_value(agent.id.value());
  *event->mutable_failure()->mutable_executor_id() = exited.executor_id();
  event->mutable_failure()->set_status(exited.status());
  Send(framework, std::move(event));
}

}  // namespace tepui::master
