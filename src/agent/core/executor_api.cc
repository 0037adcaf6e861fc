// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "agent/core/agent_impl.h"
#include "base/log.h"
#include "security/executor_token.h"

namespace tepui::agent {

namespace {

using Call = CustomExecutor::Call;

// True if `bytes` are 16 bytes with a version that RFC 4122 defines.
bool IsUuid(const std::string& bytes) {
  if (bytes.size() != 16) return false;
  const int version = static_cast<unsigned char>(bytes[6]) >> 4;
  return version >= 1 && version <= 5;
}

// The largest status or message that an executor may send, so that the master and schedulers accept
// it.
constexpr size_t kMaxSaidBytes = 16 << 20;

Status CheckSize(std::string_view what, const google::protobuf::Message& said) {
  if (said.ByteSizeLong() <= kMaxSaidBytes) return {};
  return Fail(Code::kTooLarge, "The {} has {} bytes; the limit is {}", what, said.ByteSizeLong(),
              kMaxSaidBytes);
}

Status ValidateStatus(const v1::TaskStatus& status, const std::string& executor) {
  if (!IsUuid(status.uuid())) {
    return Fail(Code::kInvalid,
                "The 'uuid' of a status must be the 16 bytes of an RFC 4122 UUID (the status of "
                "task {} has {} bytes)",
                status.task_id().value(), status.uuid().size());
  }
  if (status.has_executor_id() && status.executor_id().value() != executor) {
    return Fail(Code::kInvalid, "The status of task {} names executor '{}', the call '{}'",
                status.task_id().value(), status.executor_id().value(), executor);
  }
  if (!status.has_source() || status.source() != v1::TaskStatus::SOURCE_EXECUTOR) {
    return Fail(Code::kInvalid, "The 'source' of an executor's status must be SOURCE_EXECUTOR");
  }
  if (status.state() == v1::TASK_STAGING) {
    return Fail(Code::kInvalid, "An executor cannot report TASK_STAGING (task {})",
                status.task_id().value());
  }
  return CheckSize("status", status);
}

// Reference 1.3.
Status Validate(const Call& call) {
  if (!call.has_type()) return Fail(Code::kInvalid, "Expecting 'type' to be present");
  switch (call.type()) {
    case Call::SUBSCRIBE: {
      if (!call.has_subscribe()) {
        return Fail(Code::kInvalid, "Expecting 'subscribe' to be present");
      }
      for (const Call::Update& update : call.subscribe().unacknowledged_updates()) {
        if (auto valid = ValidateStatus(update.status(), call.executor_id().value()); !valid) {
          return valid;
        }
      }
      return {};
    }
    case Call::UPDATE:
      if (!call.has_update()) return Fail(Code::kInvalid, "Expecting 'update' to be present");
      return ValidateStatus(call.update().status(), call.executor_id().value());
    case Call::MESSAGE:
      if (!call.has_message()) return Fail(Code::kInvalid, "Expecting 'message' to be present");
      return CheckSize("message", call.message());
    case Call::HEARTBEAT:
      return {};
    case Call::UNKNOWN:
      break;
  }
  return Fail(Code::kUnimplemented, "This agent does not know the executor call of type {}",
              static_cast<int>(call.type()));
}

}  // namespace

Result<Executor*> Agent::Impl::FindExecutor(const security::Caller& caller,
                                            const Call& call) const {
  if (!recovered_) return Fail(Code::kUnavailable, "Agent has not finished recovery");
  if (auto valid = Validate(call); !valid) return Fail(valid.error());
  const Framework* framework = Find(FrameworkId(call.framework_id().value()));
  if (framework == nullptr) {
    return Fail(Code::kInvalid, "Framework {} cannot be found on this agent",
                call.framework_id().value());
  }
  Executor* executor = framework->Find(ExecutorId(call.executor_id().value()));
  if (executor == nullptr || executor->kind() != Executor::Kind::kCustom) {
    return Fail(Code::kInvalid, "Executor '{}' of framework {} cannot be found on this agent",
                call.executor_id().value(), framework->id);
  }
  if (Status same = CheckClaims(caller, *executor); !same) return Fail(same.error());
  return executor;
}

Status Agent::Impl::CheckClaims(const security::Caller& caller, const Executor& executor) const {
  if (options_.jwt_secret.empty()) return {};
  if (caller.claims.empty()) {
    return Fail(Code::kForbidden,
                "Executors of this agent must send the token of "
                "MESOS_EXECUTOR_AUTHENTICATION_TOKEN as bearer authorization");
  }
  const FrameworkId& framework = executor.framework().id;
  if (caller.claims == security::ExecutorClaims(framework, executor.id(), executor.container())) {
    return {};
  }
  return Fail(Code::kForbidden,
              "The authentication token was issued to another executor than '{}' of framework {} "
              "in container {}",
              executor.id(), framework, executor.container());
}

void Agent::Impl::OnExecutorSubscribe(StreamId stream, const security::Caller& caller,
                                      const Call& call, Reply reply) {
  const Result<Executor*> found = FindExecutor(caller, call);
  if (!found) return reply(Fail(found.error()));
  if (call.type() != Call::SUBSCRIBE) {
    return reply(Fail(Code::kInvalid, "Only a SUBSCRIBE call opens a stream"));
  }
  Executor& executor = **found;
  if (leaves_ && executor.checkpointed()) {
    return reply(
        Fail(Code::kUnavailable, "The agent is ending; subscribe again when it has restarted"));
  }
  reply({});
  if (ending_ || executor.framework().terminating || !executor.active()) {
    auto event = std::make_shared<CustomExecutor::Event>();
    event->set_type(CustomExecutor::Event::SHUTDOWN);
    services_.links.Send(stream, std::move(event));
    services_.links.Close(stream);
    return;
  }
  CustomExecutor& custom = *executor.custom();
  streams_.erase(custom.stream());
  streams_[stream] = &executor;
  custom.Subscribe(stream, call.subscribe());
}

void Agent::Impl::OnExecutorCall(const security::Caller& caller, const Call& call, Reply reply) {
  // A heartbeat only keeps the connection alive; its contents are not checked.
  if (call.type() == Call::HEARTBEAT) return reply({});
  const Result<Executor*> found = FindExecutor(caller, call);
  if (!found) return reply(Fail(found.error()));
  Executor& executor = **found;
  if (call.type() == Call::SUBSCRIBE) {
    return reply(Fail(Code::kInvalid, "A SUBSCRIBE call needs a stream for its events"));
  }
  if (executor.state() == Executor::State::kRegistering) {
    return reply(Fail(Code::kForbidden, "Executor '{}' is not subscribed", executor.id()));
  }
  reply({});
  if (call.type() == Call::UPDATE) {
    OnTaskStatus(executor, call.update().status());
  } else {
    OnExecutorMessage(call);
  }
}

void Agent::Impl::OnExecutorMessage(const Call& call) {
  const Framework* framework = Find(FrameworkId(call.framework_id().value()));
  if (framework->terminating || !registration_.registered()) {
    ++metrics_.invalid_framework_messages;
    return;
  }
  ++metrics_.valid_framework_messages;
  link::Call out;
  out.set_type(link::Call::EXECUTOR_MESSAGE);
  *out.mutable_executor_message()->mutable_framework_id() = call.framework_id();
  *out.mutable_executor_message()->mutable_executor_id() = call.executor_id();
  out.mutable_executor_message()->set_data(call.message().data());
  services_.links.Send(std::move(out));
}

void Agent::Impl::OnStreamClosed(StreamId stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;  // The stream was replaced, or the executor is gone.
  Executor* executor = found->second;
  streams_.erase(found);
  CustomExecutor* custom = executor->custom();
  if (custom->stream() == stream) custom->OnStreamClosed();
}

}  // namespace tepui::agent
