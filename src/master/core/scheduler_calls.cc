// SPDX-License-Identifier: Apache-2.0
// Scheduler calls other than SUBSCRIBE: who may make them, and the short ones (reference 1.2).

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "master/core/master_impl.h"
#include "master/rules/validation.h"

namespace tepui::master {

void Master::Impl::OnSchedulerCall(const std::optional<std::string>& stream_uuid,
                                   const security::Caller& caller, const SchedulerCall& call,
                                   Reply reply) {
  Result<Framework*> framework = CallingFramework(stream_uuid, caller, call);
  if (!framework) return reply(Fail(framework.error()));
  ++(*framework)->counters.calls[call.type()];
  if (call.type() == SchedulerCall::TEARDOWN) {
    Count(Counter::kMessagesUnregisterFramework);
    return RemoveDurably(**framework, "torn down by itself", std::move(reply));
  }
  reply(Handle(**framework, caller, call));
}

Result<Framework*> Master::Impl::CallingFramework(const std::optional<std::string>& stream_uuid,
                                                  const security::Caller& caller,
                                                  const SchedulerCall& call) {
  if (Status valid = validation::ValidateCall(call, caller.principal); !valid)
    return Fail(valid.error());
  if (call.type() == SchedulerCall::SUBSCRIBE) {
    return Fail(Code::kInvalid,
                "SUBSCRIBE opens a new stream and must not carry a Mesos-Stream-Id");
  }
  Framework* framework = FindFramework(FrameworkId(call.framework_id().value()));
  if (framework == nullptr) {
    return Fail(Code::kInvalid, "Framework '{}' cannot be found", call.framework_id().value());
  }
  if (caller.principal && *caller.principal != framework->info.principal()) {
    return Fail(Code::kInvalid,
                "The authenticated principal '{}' is not the framework's principal '{}'",
                *caller.principal, framework->info.principal());
  }
  if (!framework->connected()) {
    return Fail(Code::kForbidden, "Framework '{}' is not subscribed", framework->id);
  }
  if (!stream_uuid) {
    return Fail(Code::kInvalid, "All calls but SUBSCRIBE must carry the header Mesos-Stream-Id");
  }
  if (*stream_uuid != framework->stream_uuid) {
    return Fail(Code::kInvalid,
                "Mesos-Stream-Id '{}' is not that of the stream framework '{}' is subscribed on",
                *stream_uuid, framework->id);
  }
  return framework;
}

Status Master::Impl::Handle(Framework& framework, const security::Caller& caller,
                            const SchedulerCall& call) {
  switch (call.type()) {
    case SchedulerCall::ACCEPT:
      Accept(framework, call.accept());
      break;
    case SchedulerCall::DECLINE:
      Decline(framework, call.decline());
      break;
    case SchedulerCall::ACCEPT_INVERSE_OFFERS:
      AnswerInverseOffers(framework, "ACCEPT_INVERSE_OFFERS",
                          call.accept_inverse_offers().inverse_offer_ids());
      break;
    case SchedulerCall::DECLINE_INVERSE_OFFERS:
      AnswerInverseOffers(framework, "DECLINE_INVERSE_OFFERS",
                          call.decline_inverse_offers().inverse_offer_ids());
      break;
    case SchedulerCall::REVIVE:
      Revive(framework, call.revive());
      break;
    case SchedulerCall::SUPPRESS:
      Suppress(framework, call.suppress());
      break;
    case SchedulerCall::KILL:
      Kill(framework, call.kill());
      break;
    case SchedulerCall::SHUTDOWN:
      ShutdownExecutor(framework, call.shutdown());
      break;
    case SchedulerCall::ACKNOWLEDGE:
      Acknowledge(framework, call.acknowledge());
      break;
    case SchedulerCall::ACKNOWLEDGE_OPERATION_STATUS:
      AcknowledgeOperation(framework, call.acknowledge_operation_status());
      break;
    case SchedulerCall::RECONCILE:
      Reconcile(framework, call.reconcile());
      break;
    case SchedulerCall::RECONCILE_OPERATIONS:
      ReconcileOperations(framework, call.reconcile_operations());
      break;
    case SchedulerCall::MESSAGE:
      MessageExecutor(framework, call.message());
      break;
    case SchedulerCall::REQUEST:
      // The allocator ignores resource requests (reference 1.2).
      Count(Counter::kMessagesResourceRequest);
      break;
    case SchedulerCall::UPDATE_FRAMEWORK:
      return UpdateFramework(framework, call.update_framework(), caller);
    case SchedulerCall::TEARDOWN:  // OnSchedulerCall answers once the registry has it.
    case SchedulerCall::SUBSCRIBE:
    case SchedulerCall::UNKNOWN:
      return Fail(Code::kUnimplemented, "{} is not a call on a stream",
                  SchedulerCall::Type_Name(call.type()));
  }
  return {};
}

Result<std::vector<std::string>> Master::Impl::OwnRoles(
    const Framework& framework,
    const google::protobuf::RepeatedPtrField<std::string>& roles) const {
  for (const std::string& role : roles) {
    if (Status valid = ValidateRole(role); !valid) return Fail(valid.error());
    if (std::ranges::find(framework.roles, role) == framework.roles.end()) {
      return Fail(Code::kInvalid, "Role '{}' is not one of the framework's", role);
    }
  }
  return std::vector<std::string>(roles.begin(), roles.end());
}

void Master::Impl::Revive(Framework& framework, const SchedulerCall::Revive& revive) {
  Count(Counter::kMessagesReviveOffers);
  Result<std::vector<std::string>> roles = OwnRoles(framework, revive.roles());
  if (!roles) return Drop(framework, "REVIVE", roles.error().message);
  if (roles->empty()) framework.suppressed_roles.clear();
  for (const std::string& role : *roles) framework.suppressed_roles.erase(role);
  allocator_.Revive(framework.id, *roles);
}

void Master::Impl::Suppress(Framework& framework, const SchedulerCall::Suppress& suppress) {
  Count(Counter::kMessagesSuppressOffers);
  Result<std::vector<std::string>> roles = OwnRoles(framework, suppress.roles());
  if (!roles) return Drop(framework, "SUPPRESS", roles.error().message);
  const std::vector<std::string>& which = roles->empty() ? framework.roles : *roles;
  framework.suppressed_roles.insert(which.begin(), which.end());
  allocator_.Suppress(framework.id, *roles);
}

void Master::Impl::ShutdownExecutor(Framework& framework, const SchedulerCall::Shutdown& shutdown) {
  Agent* agent = FindAgent(shutdown.agent_id().value());
  if (agent == nullptr || !agent->connected) {
    return Drop(framework, "SHUTDOWN",
                fmt::format("agent {} is not connected", shutdown.agent_id().value()));
  }
  link::Event event;
  event.set_type(link::Event::SHUTDOWN_EXECUTOR);
  event.mutable_shutdown_executor()->mutable_framework_id()->set_value(framework.id.value());
  *event.mutable_shutdown_executor()->mutable_executor_id() = shutdown.executor_id();
  Send(*agent, std::move(event));
}

void Master::Impl::MessageExecutor(Framework& framework, const SchedulerCall::Message& message) {
  Count(Counter::kMessagesFrameworkToExecutor);
  Agent* agent = FindAgent(message.agent_id().value());
  if (agent == nullptr || !agent->connected) {
    Count(Counter::kInvalidFrameworkToExecutorMessages);
    return Drop(framework, "MESSAGE",
                fmt::format("agent {} is not connected", message.agent_id().value()));
  }
  link::Event event;
  event.set_type(link::Event::FRAMEWORK_MESSAGE);
  event.mutable_framework_message()->mutable_framework_id()->set_value(framework.id.value());
  *event.mutable_framework_message()->mutable_executor_id() = message.executor_id();
  event.mutable_framework_message()->set_data(message.data());
  Send(*agent, std::move(event));
  Count(Counter::kValidFrameworkToExecutorMessages);
}

}  // namespace tepui::master
