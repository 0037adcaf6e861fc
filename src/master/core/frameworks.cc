// SPDX-License-Identifier: Apache-2.0
// Frameworks: subscription, failover, update, disconnection, end (reference 1.2, 2.1, 2.8).

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "base/seconds.h"
#include "base/units.h"
#include "master/core/master_impl.h"
#include "master/records/task_status.h"
#include "master/rules/validation.h"

namespace tepui::master {

namespace {

std::vector<std::string> ToVector(const google::protobuf::RepeatedPtrField<std::string>& list) {
  return {list.begin(), list.end()};
}

std::shared_ptr<SchedulerEvent> ErrorEvent(const std::string& message) {
  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::ERROR);
  event->mutable_error()->set_message(message);
  return event;
}

const std::shared_ptr<const SchedulerEvent>& HeartbeatEvent() {
  static const auto event = [] {
    auto heartbeat = std::make_shared<SchedulerEvent>();
    heartbeat->set_type(SchedulerEvent::HEARTBEAT);
    return std::shared_ptr<const SchedulerEvent>(std::move(heartbeat));
  }();
  return event;
}

}  // namespace

void Master::Impl::OnSchedulerSubscribe(StreamId stream, const std::string& stream_uuid,
                                        const security::Caller& caller, const SchedulerCall& call,
                                        Reply reply) {
  if (Status valid = validation::ValidateCall(call, caller.principal); !valid)
    return reply(std::move(valid));
  if (call.type() != SchedulerCall::SUBSCRIBE) {
    return reply(Fail(Code::kInvalid, "Expected a SUBSCRIBE call, got {}",
                      SchedulerCall::Type_Name(call.type())));
  }
  v1::FrameworkInfo info = call.subscribe().framework_info();
  if (caller.principal && !info.has_principal()) info.set_principal(*caller.principal);
  const bool returns = !info.id().value().empty();
  Count(returns ? Counter::kMessagesReregisterFramework : Counter::kMessagesRegisterFramework);

  // From here on a refusal is an ERROR event, where the framework's author sees it (reference 1.2).
  const std::vector<std::string> suppressed = ToVector(call.subscribe().suppressed_roles());
  if (Status valid = validation::ValidateFramework(info, suppressed, options_.root_submissions);
      !valid) {
    return Refuse(stream, valid.error().message, std::move(reply));
  }
  Framework* framework = nullptr;
  if (returns) {
    Result<Framework*> known = ResubscribingFramework(&info, suppressed);
    if (!known) return Refuse(stream, known.error().message, std::move(reply));
    framework = *known;
  } else {
    info.mutable_id()->set_value(NewFrameworkId().value());
    framework = &AddFramework(info, suppressed);
  }
  ++framework->counters.calls[SchedulerCall::SUBSCRIBE];
  if (returns) framework->reregistered = clock_.WallNow();
  Connect(*framework, stream, stream_uuid);
  if (returns) SendUpdateToAgents(*framework);
  reply({});
}

void Master::Impl::Refuse(StreamId stream, const std::string& why, Reply reply) {
  spdlog::info("Refusing the subscription of a framework: {}", why);
  links_.Send(stream, ErrorEvent(why));
  reply({});
  links_.Close(stream);
}

bool Master::Impl::IsCompleted(const FrameworkId& id) const {
  if (frameworks_.contains(id)) return false;
  if (removed_.contains(id)) return true;
  // An id such as "<master>-0042" was assigned by this master, and the framework was removed.
  const std::string prefix = options_.info.id() + "-";
  if (!id.value().starts_with(prefix)) return false;
  uint64_t number = 0;
  const char* end = id.value().data() + id.value().size();
  const auto [rest, error] = std::from_chars(id.value().data() + prefix.size(), end, number);
  return error == std::errc() && rest == end && number < next_framework_;
}

FrameworkId Master::Impl::NewFrameworkId() {
  // Skips ids that a framework made up and subscribed with.
  while (true) {
    FrameworkId id(fmt::format("{}-{:04}", options_.info.id(), next_framework_++));
    if (!frameworks_.contains(id)) return id;
  }
}

Framework& Master::Impl::AddFramework(const v1::FrameworkInfo& info,
                                      const std::vector<std::string>& suppressed_roles) {
  const FrameworkId id(info.id().value());
  Framework& framework = *(frameworks_[id] = std::make_unique<Framework>(clock_));
  framework.id = id;
  SetInfo(framework, info);
  framework.suppressed_roles.insert(suppressed_roles.begin(), suppressed_roles.end());
  framework.registered = clock_.WallNow();
  allocator_.AddFramework(id, info, suppressed_roles, false, {});
  publisher_.FrameworkChanged(framework);
  spdlog::info("Added framework {} ({})", id, info.name());
  return framework;
}

Result<Framework*> Master::Impl::ResubscribingFramework(
    v1::FrameworkInfo* info, const std::vector<std::string>& suppressed_roles) {
  const FrameworkId id(info->id().value());
  if (Status valid = validation::ValidateId(id.value(), "Framework id"); !valid)
    return Fail(valid.error());
  if (IsCompleted(id)) return Fail(Code::kInvalid, "Framework has been removed");
  Framework* framework = FindFramework(id);
  // An unknown framework comes back to a new master before its agents do.
  if (framework == nullptr) {
    Framework& added = AddFramework(*info, suppressed_roles);
    LinkOperations(added);
    return &added;
  }

  // A scheduler that comes back with another user or checkpoint is admitted and keeps the old ones.
  info->set_user(framework->info.user());
  if (info->checkpoint() != framework->info.checkpoint())
    info->set_checkpoint(framework->info.checkpoint());
  if (Status valid = validation::ValidateFrameworkUpdate(framework->info, *info); !valid)
    return Fail(valid.error());
  UpdateInfo(*framework, *info, suppressed_roles);
  return framework;
}

void Master::Impl::UpdateInfo(Framework& framework, const v1::FrameworkInfo& info,
                              const std::vector<std::string>& suppressed_roles) {
  SetInfo(framework, info);
  framework.suppressed_roles = {suppressed_roles.begin(), suppressed_roles.end()};
  allocator_.UpdateFramework(framework.id, info, suppressed_roles);
  // Rescinds offers in roles that the framework left.
  const std::vector<Offer*> offers(framework.offers.begin(), framework.offers.end());
  for (Offer* offer : offers) {
    if (std::ranges::find(framework.roles, offer->role) == framework.roles.end())
      RescindOffer(*offer);
  }
  publisher_.FrameworkChanged(framework);
}

std::shared_ptr<const link::Event> Master::Impl::UpdateEvent(Framework& framework) const {
  if (framework.update_event == nullptr) {
    auto event = std::make_shared<link::Event>();
    event->set_type(link::Event::UPDATE_FRAMEWORK);
    *event->mutable_update_framework() = framework.info;
    framework.update_event = std::move(event);
  }
  return framework.update_event;
}

void Master::Impl::SendUpdateToAgents(Framework& framework) {
  for (Agent* agent : framework.agents) Send(*agent, UpdateEvent(framework));
}

void Master::Impl::Connect(Framework& framework, StreamId stream, const std::string& stream_uuid) {
  if (framework.connected()) {
    // A framework has one live subscription (reference 1.2): the older one ends.
    spdlog::info("Framework {} failed over", framework.id);
    Send(framework, ErrorEvent("Framework failed over"));
    links_.Close(framework.stream);
    frameworks_by_stream_.erase(framework.stream);
  }
  const std::vector<Offer*> offers(framework.offers.begin(), framework.offers.end());
  for (Offer* offer : offers) ReturnOffer(*offer, std::nullopt);

  if (framework.state == Framework::State::kRecovered) framework.registered = clock_.WallNow();
  framework.failover.Cancel();
  framework.state = Framework::State::kConnected;
  framework.stream = stream;
  framework.stream_uuid = stream_uuid;
  frameworks_by_stream_[stream] = &framework;
  if (!framework.active) {
    framework.active = true;
    allocator_.ActivateFramework(framework.id);
  }
  publisher_.FrameworkChanged(framework);

  auto event = std::make_shared<SchedulerEvent>();
  event->set_type(SchedulerEvent::SUBSCRIBED);
  event->mutable_subscribed()->mutable_framework_id()->set_value(framework.id.value());
  event->mutable_subscribed()->set_heartbeat_interval_seconds(
      Seconds(options_.scheduler_heartbeat_interval));
  *event->mutable_subscribed()->mutable_master_info() = options_.info;
  Send(framework, std::move(event));
  Heartbeat(framework);
}

void Master::Impl::Heartbeat(Framework& framework) {
  Send(framework, HeartbeatEvent());
  framework.heartbeat.Set(options_.scheduler_heartbeat_interval,
                          [this, &framework] { Heartbeat(framework); });
}

void Master::Impl::Disconnect(Framework& framework) {
  frameworks_by_stream_.erase(framework.stream);
  framework.state = Framework::State::kDisconnected;
  framework.stream = 0;
  framework.stream_uuid.clear();
  framework.heartbeat.Cancel();
  framework.active = false;
  allocator_.DeactivateFramework(framework.id);
  const std::vector<Offer*> offers(framework.offers.begin(), framework.offers.end());
  for (Offer* offer : offers) RescindOffer(*offer);
  publisher_.FrameworkChanged(framework);

  const Duration timeout = FailoverTimeout(framework);
  spdlog::info("Framework {} disconnected; it may resubscribe within {}", framework.id,
               FormatDuration(timeout));
  RemoveAfter(framework, timeout);
}

Duration Master::Impl::FailoverTimeout(const Framework& framework) {
  return FromSeconds(framework.info.failover_timeout());
}

void Master::Impl::RemoveAfter(Framework& framework, Duration wait) {
  framework.failover.Set(wait, [this, &framework] {
    RemoveDurably(framework, "did not resubscribe within its failover timeout",
                  [this, id = framework.id](const Status& removed) {
                    Framework* const known = FindFramework(id);
                    if (removed || known == nullptr) return;
                    // Do not remove one that came back meanwhile, even if it is away again.
                    if (known->connected() || known->failover.pending()) return;
                    RemoveAfter(*known, kRegistryRetry);
                  });
  });
}

// A deposed master that does not know it yet cannot write, so it cannot end a framework that lives
// on under the next master. Once the removal is written, the next master does not take the
// framework for alive when an agent brings it back.
void Master::Impl::RemoveDurably(Framework& framework, std::string why, Reply reply) {
  const FrameworkId id = framework.id;
  const WallTime when = clock_.WallNow();
  if (TEPUI_PLANTED_FAULT("removal-not-awaited")) {
    RemoveFramework(framework, why);
    return reply({});
  }
  registrar_.Commit(change::RemoveFramework{id, when},
                    lifetime_.Bind([this, id, when, why = std::move(why),
                                    reply = std::move(reply)](Status status) mutable {
                      if (!status) {
                        spdlog::error("The registry refused to record framework {} as removed: {}",
                                      id, status.error().message);
                        return reply(std::move(status));
                      }
                      if (removed_.insert(id).second) removed_order_.emplace_back(when, id);
                      if (Framework* known = FindFramework(id)) RemoveFramework(*known, why);
                      reply({});
                    }));
}

void Master::Impl::RemoveFramework(Framework& framework, std::string_view why) {
  const FrameworkId id = framework.id;
  spdlog::info("Removing framework {}: {}", id, why);
  const std::vector<Offer*> offers(framework.offers.begin(), framework.offers.end());
  for (Offer* offer : offers) EraseOffer(*offer);

  for (Agent* agent : framework.agents) {
    link::Event event;
    event.set_type(link::Event::SHUTDOWN_FRAMEWORK);
    event.mutable_shutdown_framework()->set_value(id.value());
    Send(*agent, std::move(event));
  }
  ReadHistory(framework);
  EndTasks(framework);
  const std::vector<Executor*> executors(framework.executors.begin(), framework.executors.end());
  for (Executor* executor : executors) RemoveExecutor(*executor);
  // Agents still report the outcome of its operations; the master acknowledges for the framework.
  for (Operation* operation : framework.operations) operation->framework = nullptr;

  for (Agent* agent : framework.agents) agent->frameworks.erase(&framework);
  allocator_.RemoveFramework(id);
  if (framework.connected()) {
    frameworks_by_stream_.erase(framework.stream);
    links_.Close(framework.stream);
  }
  framework.state = Framework::State::kDisconnected;
  framework.active = false;
  framework.agents.clear();
  framework.operations.clear();
  publisher_.FrameworkCompleted(framework, clock_.WallNow());

  completed_.push_back(id);
  while (completed_.size() > static_cast<size_t>(std::max(0, options_.max_completed_frameworks))) {
    publisher_.FrameworkForgotten(completed_.front());
    completed_.pop_front();
  }
  frameworks_.erase(id);
}

void Master::Impl::EndTasks(Framework& framework) {
  const std::string message = fmt::format("Framework {} removed", framework.id);
  const auto killed = [&](const v1::Task& task) {
    v1::TaskStatus status =
        MasterStatus(task.task_id().value(), task.agent_id().value(), v1::TASK_KILLED,
                     v1::TaskStatus::REASON_FRAMEWORK_REMOVED, message, clock_.WallNow());
    if (task.has_executor_id()) *status.mutable_executor_id() = task.executor_id();
    return status;
  };
  std::vector<Task*> tasks;
  tasks.reserve(framework.tasks.size());
  for (auto& [id, task] : framework.tasks) tasks.push_back(&task);
  for (Task* task : tasks) {
    if (!IsTerminal(task->message->state()))
      UpdateTask(*task, killed(*task->message), v1::TASK_KILLED);
    MoveToHistory(*task);
  }
  while (framework.unreachable.size() > 0) {
    UnreachableTasks::Message lost = framework.unreachable.RemoveOldest().second;
    const v1::TaskStatus end = killed(*lost);
    EndUnreachable(framework, std::move(lost), end);
  }
}

Status Master::Impl::UpdateFramework(Framework& framework,
                                     const SchedulerCall::UpdateFramework& update,
                                     const security::Caller& caller) {
  v1::FrameworkInfo info = update.framework_info();
  if (caller.principal && !info.has_principal()) info.set_principal(*caller.principal);
  if (info.id().value() != framework.id.value()) {
    return Fail(Code::kInvalid,
                "The FrameworkInfo's id '{}' is not that of the calling framework '{}'",
                info.id().value(), framework.id);
  }
  const std::vector<std::string> suppressed = ToVector(update.suppressed_roles());
  if (Status valid = validation::ValidateFramework(info, suppressed, options_.root_submissions);
      !valid) {
    return Fail(valid.error().code, "The FrameworkInfo is not valid: {}", valid.error().message);
  }
  if (Status valid = validation::ValidateFrameworkUpdate(framework.info, info); !valid) {
    return Fail(valid.error().code, "The update of the FrameworkInfo is not valid: {}",
                valid.error().message);
  }
  UpdateInfo(framework, info, suppressed);
  SendUpdateToAgents(framework);
  return {};
}

}  // namespace tepui::master
