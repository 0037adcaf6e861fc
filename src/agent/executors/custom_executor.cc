// SPDX-License-Identifier: Apache-2.0
#include "agent/executors/custom_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "agent/executors/environment.h"
#include "agent/executors/sandbox.h"
#include "agent/services/process_record.h"
#include "agent/services/statuses.h"
#include "base/log.h"
#include "base/units.h"
#include "model/states.h"
#include "model/task.h"
#include "security/executor_token.h"

namespace tepui::agent {

namespace {

// Reference 1.3.
constexpr Duration kHeartbeatInterval = std::chrono::minutes(30);

constexpr char kLaunchFailed[] = "Failed to launch container: ";

}  // namespace

CustomExecutor::CustomExecutor(const Services& services, ExecutorHost& host, Executor& executor,
                               const v1::AgentInfo& agent)
    : services_(services),
      host_(host),
      executor_(executor),
      agent_(agent),
      deadline_(services.clock),
      heartbeat_(services.clock) {}

Result<containers::LaunchSpec> CustomExecutor::MakeLaunch() const {
  const Framework& framework = executor_.framework();
  const v1::ExecutorInfo& info = executor_.info();
  ExecutorEnvironment described{.framework = framework.id,
                                .executor = info,
                                .agent = AgentId(agent_.id().value()),
                                .sandbox = executor_.directory(),
                                .checkpoint = framework.info.checkpoint(),
                                .token = ""};
  if (!services_.options.jwt_secret.empty()) {
    described.token = security::SignToken(
        security::ExecutorClaims(framework.id, executor_.id(), executor_.container()),
        services_.options.jwt_secret);
  }
  auto environment = MakeExecutorEnvironment(described, services_.options);
  if (!environment) return Fail(environment.error());

  containers::LaunchSpec spec;
  spec.id = executor_.container();
  spec.command = info.command();
  if (info.has_container()) spec.container = info.container();
  spec.environment = std::move(*environment);
  spec.user = executor_.user();
  spec.sandbox = executor_.directory();
  spec.resources = executor_.allocated();
  spec.limits = executor_.limits();
  spec.framework = framework.id;
  spec.outlives_agent = executor_.checkpointed();
  return spec;
}

void CustomExecutor::Start() {
  Result<containers::LaunchSpec> spec = MakeLaunch();
  if (!spec) return OnLaunched(Fail(spec.error()));
  if (auto linked = LinkVolumes(services_, executor_.info().resources(), executor_.directory(),
                                executor_.user());
      !linked) {
    return OnLaunched(Fail(linked.error()));
  }
  Expect(services_.options.executor_registration_timeout,
         v1::TaskStatus::REASON_EXECUTOR_REGISTRATION_TIMEOUT, "register");
  LaunchContainer(services_, std::move(*spec), lifetime_,
                  [this](Result<containers::Launched> result) { OnLaunched(std::move(result)); });
}

void CustomExecutor::Expect(Duration timeout, v1::TaskStatus::Reason reason,
                            const std::string& verb) {
  deadline_.Set(timeout, [this, timeout, reason, verb] {
    if (host_.leaving() && executor_.checkpointed()) return;
    Destroy(reason, fmt::format("Executor did not {} within {}", verb, FormatDuration(timeout)));
  });
}

void CustomExecutor::OnLaunched(Result<containers::Launched> result) {
  if (!result) return FailLaunch(result.error().message);
  launched_ = true;
  process_ = std::move(*result);
  executor_.set_process(*process_);
  executor_.Save(services_.checkpoint);
  if (executor_.active()) {
    UpdateContainer();  // Tasks may have arrived since the launch began.
  } else {
    // The executor was shut down, or its time ran out, during the launch.
    services_.containerizer.Destroy(executor_.container());
  }
  AwaitEnd();
}

void CustomExecutor::FailLaunch(const std::string& message) {
  deadline_.Cancel();
  ExecutorEnd end;
  end.launch_failed = true;
  end.reason = reason_.value_or(v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED);
  end.message = message_.empty() ? kLaunchFailed + message : message_;
  host_.OnExecutorEnded(executor_, end);
}

void CustomExecutor::AwaitEnd() {
  services_.containerizer.Wait(executor_.container(),
                               lifetime_.Bind([this](const containers::Termination& termination) {
                                 OnTerminated(termination);
                               }));
}

void CustomExecutor::OnTerminated(const containers::Termination& termination) {
  deadline_.Cancel();
  Disconnect();
  process_.reset();
  ExecutorEnd end;
  end.status = termination.status;
  end.reason = termination.reason ? termination.reason : reason_;
  end.message = message_;
  if (!termination.message.empty()) {
    end.message += (end.message.empty() ? "" : "; ") + termination.message;
  }
  end.limited = termination.limited;
  host_.OnExecutorEnded(executor_, end);
  ForgetContainer(services_, executor_.container(), executor_.checkpointed());
}

void CustomExecutor::Restore(const Saved::Executor& saved,
                             std::vector<containers::RecoverSpec>& claims) {
  if (saved.record.has_process()) process_ = FromRecord(saved.record.process());
  // The environment need not be complete, since the program runs already.
  containers::LaunchSpec spec = MakeLaunch().value_or(containers::LaunchSpec());
  spec.id = executor_.container();
  claims.push_back({std::move(spec), process_.value_or(containers::Launched())});
}

void CustomExecutor::Resume(const Endings& endings) {
  if (endings.not_started.contains(executor_.container())) {
    return FailLaunch("the agent was restarted before it had started the executor");
  }
  launched_ = true;
  if (const auto* ending = endings.Find(executor_.container())) return OnTerminated(*ending);
  if (!process_) {
    // The agent ended before it had recorded the start.
    process_ = endings.running.at(executor_.container());
    executor_.set_process(*process_);
    executor_.Save(services_.checkpoint);
  }
  if (executor_.shutting_down()) {
    // SHUTDOWN was sent before the agent's restart; the executor gets its full grace period again.
    executor_.set_state(Executor::State::kTerminating);
    EndWithin(ShutdownGrace(executor_.info(), services_.options));
  } else if (executor_.subscribed()) {
    Expect(services_.options.executor_reregistration_timeout,
           v1::TaskStatus::REASON_EXECUTOR_REREGISTRATION_TIMEOUT, "re-register");
  } else {
    Expect(services_.options.executor_registration_timeout,
           v1::TaskStatus::REASON_EXECUTOR_REGISTRATION_TIMEOUT, "register");
  }
  AwaitEnd();
}

void CustomExecutor::Destroy(v1::TaskStatus::Reason reason, std::string message) {
  spdlog::warn("Destroying executor '{}' of framework {}: {}", executor_.id(),
               executor_.framework().id, message);
  reason_ = reason;
  message_ = std::move(message);
  executor_.set_state(Executor::State::kTerminating);
  services_.containerizer.Destroy(executor_.container());
}

void CustomExecutor::Disconnect() {
  heartbeat_.Cancel();
  if (stream_ != 0) services_.links.Close(stream_);
  stream_ = 0;
}

void CustomExecutor::Subscribe(StreamId stream, const Call::Subscribe& subscribe) {
  Disconnect();
  deadline_.Cancel();
  stream_ = stream;
  executor_.set_state(Executor::State::kRunning);
  if (!executor_.subscribed()) {
    executor_.set_subscribed();
    executor_.Save(services_.checkpoint);
  }
  heartbeat_.Set(kHeartbeatInterval, [this] { Beat(); });

  Event event;
  event.set_type(Event::SUBSCRIBED);
  Event::Subscribed* subscribed = event.mutable_subscribed();
  *subscribed->mutable_executor_info() = executor_.info();
  *subscribed->mutable_framework_info() = executor_.framework().info;
  *subscribed->mutable_agent_info() = agent_;
  *subscribed->mutable_container_id() = ToProto(executor_.container());
  Send(std::move(event));

  // The executor repeats the statuses that were not acknowledged; the agent detects duplicates.
  for (const Call::Update& update : subscribe.unacknowledged_updates()) {
    host_.OnTaskStatus(executor_, update.status());
  }
  DropUndelivered(subscribe);

  // All its tasks were killed before they were delivered. Executors do not end by themselves before
  // they had a task.
  if (!executor_.ever_launched() && executor_.queue_empty()) {
    return Shutdown(ShutdownGrace(executor_.info(), services_.options));
  }
  for (const auto& [task, policy] : kills_) SendKill(task, policy);
  kills_.clear();
  DeliverWhenSaved();
}

// Reports as lost the tasks for which the executor never sent a status and which it does not list:
// they were lost with its former stream.
void CustomExecutor::DropUndelivered(const Call::Subscribe& subscribe) {
  std::unordered_set<std::string> delivered;
  for (const v1::TaskInfo& task : subscribe.unacknowledged_tasks()) {
    delivered.insert(task.task_id().value());
  }
  const v1::TaskState state = model::StateFor(executor_.framework().info, v1::TASK_DROPPED);
  std::vector<v1::TaskStatus> lost;
  for (const auto& [id, task] : executor_.launched()) {
    if (task.state() != v1::TASK_STAGING || delivered.contains(id.value())) continue;
    lost.push_back(model::MakeStatus(
        v1::TaskStatus::SOURCE_AGENT, id.value(), state, v1::TaskStatus::REASON_AGENT_RESTARTED,
        "The task did not reach the executor before its connection ended"));
  }
  for (v1::TaskStatus& status : lost) host_.OnTaskStatus(executor_, std::move(status));
}

void CustomExecutor::OnStreamClosed() {
  stream_ = 0;
  heartbeat_.Cancel();
  if (!executor_.active()) return;
  const Duration timeout = services_.options.recovery_timeout;
  spdlog::info("Executor '{}' of framework {} disconnected; it has {} to come back", executor_.id(),
               executor_.framework().id, FormatDuration(timeout));
  Expect(timeout, v1::TaskStatus::REASON_EXECUTOR_REREGISTRATION_TIMEOUT, "re-register");
}

void CustomExecutor::OnQueued() { DeliverWhenSaved(); }

void CustomExecutor::DeliverWhenSaved() {
  if (stream_ == 0 || executor_.queue_empty()) return;
  const uint64_t last = executor_.deliveries().back().number;
  if (!executor_.checkpointed()) return Deliver(last);
  // If the executor had a task that is not saved, the task would run unnoticed after the agent's
  // restart.
  services_.checkpoint.WhenSaved(lifetime_.Bind([this, last] { Deliver(last); }));
}

void CustomExecutor::Deliver(uint64_t last) {
  if (stream_ == 0 || !executor_.active()) return;
  UpdateContainer();
  while (!executor_.queue_empty() && executor_.deliveries().front().number <= last) {
    const auto delivery = executor_.LaunchNext();
    const Status linked = LinkTaskVolumes(*delivery);
    if (linked) {
      SendDelivery(*delivery);
      continue;
    }
    for (const v1::TaskInfo& task : delivery->tasks) {
      host_.OnTaskStatus(
          executor_, model::MakeStatus(
                         v1::TaskStatus::SOURCE_AGENT, task.task_id().value(), v1::TASK_FAILED,
                         v1::TaskStatus::REASON_CONTAINER_LAUNCH_FAILED, linked.error().message));
    }
  }
}

Status CustomExecutor::LinkTaskVolumes(const Executor::Delivery& delivery) const {
  for (const v1::TaskInfo& task : delivery.tasks) {
    if (auto linked =
            LinkVolumes(services_, task.resources(), executor_.directory(), executor_.user());
        !linked) {
      return linked;
    }
  }
  return {};
}

void CustomExecutor::SendDelivery(const Executor::Delivery& delivery) {
  Event event;
  if (delivery.group) {
    event.set_type(Event::LAUNCH_GROUP);
    v1::TaskGroupInfo* group = event.mutable_launch_group()->mutable_task_group();
    for (const v1::TaskInfo& task : delivery.tasks) *group->add_tasks() = task;
  } else {
    event.set_type(Event::LAUNCH);
    *event.mutable_launch()->mutable_task() = delivery.tasks.front();
  }
  Send(std::move(event));
}

void CustomExecutor::UpdateContainer() {
  if (launched_ && executor_.active()) {
    services_.containerizer.Update(executor_.container(), executor_.allocated(),
                                   executor_.limits());
  }
}

void CustomExecutor::OnTaskEnded() {
  if (!kills_.empty()) {
    std::erase_if(kills_,
                  [&](const auto& kill) { return !executor_.launched().contains(kill.first); });
  }
  UpdateContainer();
}

void CustomExecutor::Kill(const TaskId& task, const std::optional<v1::KillPolicy>& policy) {
  if (stream_ == 0) {
    kills_[task] = policy;
  } else {
    SendKill(task, policy);
  }
}

void CustomExecutor::SendKill(const TaskId& task, const std::optional<v1::KillPolicy>& policy) {
  Event event;
  event.set_type(Event::KILL);
  event.mutable_kill()->mutable_task_id()->set_value(task.value());
  if (policy) *event.mutable_kill()->mutable_kill_policy() = *policy;
  Send(std::move(event));
}

void CustomExecutor::Shutdown(Duration grace) {
  executor_.set_state(Executor::State::kTerminating);
  if (stream_ == 0) {
    // The executor is not connected, so it cannot receive SHUTDOWN.
    deadline_.Cancel();
    services_.containerizer.Destroy(executor_.container());
    return;
  }
  Event event;
  event.set_type(Event::SHUTDOWN);
  Send(std::move(event));
  EndWithin(grace);
}

void CustomExecutor::EndWithin(Duration grace) {
  deadline_.Set(grace, [this] {
    spdlog::info("Executor '{}' of framework {} is still there after its grace period; killing it",
                 executor_.id(), executor_.framework().id);
    services_.containerizer.Destroy(executor_.container());
  });
}

void CustomExecutor::Acknowledge(const TaskId& task, const std::string& uuid) {
  if (stream_ == 0) return;  // The executor will send the status again.
  Event event;
  event.set_type(Event::ACKNOWLEDGED);
  event.mutable_acknowledged()->mutable_task_id()->set_value(task.value());
  event.mutable_acknowledged()->set_uuid(uuid);
  Send(std::move(event));
}

bool CustomExecutor::Message(const std::string& data) {
  if (stream_ == 0 || executor_.state() != Executor::State::kRunning) return false;
  Event event;
  event.set_type(Event::MESSAGE);
  event.mutable_message()->set_data(data);
  Send(std::move(event));
  return true;
}

void CustomExecutor::Beat() {
  Event event;
  event.set_type(Event::HEARTBEAT);
  Send(std::move(event));
  heartbeat_.Set(kHeartbeatInterval, [this] { Beat(); });
}

void CustomExecutor::Send(Event event) {
  services_.links.Send(stream_, std::make_shared<const Event>(std::move(event)));
}

}  // namespace tepui::agent
