// SPDX-License-Identifier: Apache-2.0
// Agents that register or come back (reference 2.9, 4).

#include <cassert>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "base/seconds.h"
#include "master/core/master_impl.h"
#include "master/rules/resource_form.h"
#include "master/rules/validation.h"
#include "model/capabilities.h"

namespace tepui::master {

void Master::Impl::OnAgentSubscribe(StreamId stream, const std::string& stream_uuid,
                                    link::Call::Subscribe subscribe, Reply reply) {
  const bool returns = !subscribe.info().id().value().empty();
  Count(returns ? Counter::kMessagesReregisterAgent : Counter::kMessagesRegisterAgent);
  auto subscription = std::make_shared<Subscription>();
  subscription->stream = stream;
  subscription->stream_uuid = stream_uuid;
  subscription->message = std::move(subscribe);
  subscription->reply = std::move(reply);
  // A person must fix most of the errors below. A new agent exits with the error instead of trying
  // again. One that comes back keeps its tasks and tries again, because the wrong flags may be the
  // master's. Both try again if other agents are to blame (kUnavailable).
  const v1::AgentInfo& info = subscription->message.info();
  const auto refuse = [&](const Error& error) {
    if (!returns && error.code != Code::kUnavailable)
      return RefuseAgent(*subscription, link::Event::ERROR, error.message);
    spdlog::warn("Refusing agent {} ({}); it may try again: {}", info.id().value(), info.hostname(),
                 error.message);
    subscription->reply(Fail(error));
  };
  if (Status allowed = CheckPlace(info); !allowed) return refuse(allowed.error());
  Result<Resources> total = TotalOf(info, subscription->message.checkpointed_resources());
  if (!total) return refuse(total.error());
  subscription->total = std::move(*total);
  if (returns) {
    Reregister(std::move(subscription));
  } else {
    Register(std::move(subscription));
  }
}

Status Master::Impl::CheckPlace(const v1::AgentInfo& info) const {
  if (info.has_domain() && !options_.info.has_domain()) {
    return Fail(Code::kForbidden,
                "The agent has a fault domain, but the master has none; give the master --domain");
  }
  if (options_.require_agent_domain && !info.has_domain()) {
    return Fail(Code::kForbidden,
                "This master admits only agents with a fault domain; give the agent --domain");
  }
  return {};
}

void Master::Impl::RefuseAgent(Subscription& subscription, link::Event::Type type,
                               const std::string& why) {
  spdlog::warn("Refusing agent {} ({}): {}", subscription.message.info().id().value(),
               subscription.message.info().hostname(), why);
  auto event = std::make_shared<link::Event>();
  event->set_type(type);
  event->set_message(why);
  links_.Send(subscription.stream, std::move(event));
  subscription.reply({});
  links_.Close(subscription.stream);
}

AgentId Master::Impl::NewAgentId() {
  // Skips ids that an agent made up and subscribed with.
  while (true) {
    AgentId id(fmt::format("{}-S{}", options_.info.id(), next_agent_++));
    if (!membership_.IsInUse(id)) return id;
  }
}

void Master::Impl::Register(SubscriptionPtr subscription) {
  const link::Call::Subscribe& message = subscription->message;
  if (message.address().port() != 0) {
    ReplaceAgentAt(fmt::format("slave(1)@{}:{}", message.address().ip(), message.address().port()));
  }
  subscription->message.mutable_info()->mutable_id()->set_value(NewAgentId().value());
  const AgentId id(subscription->message.info().id().value());
  subscribing_[subscription->stream] = subscription;
  membership_.BeginAdmission(id);
  auto done = [this, subscription](const Status& status) {
    if (ConfirmAdmission(*subscription, status)) Admit(*subscription);
  };
  if (TEPUI_PLANTED_FAULT("admission-not-awaited")) return done({});
  registrar_.Commit(change::PutAgent{subscription->message.info()},
                    lifetime_.Bind(std::move(done)));
}

// An agent that lost its state registers as a new one; the old agent at its address is removed.
void Master::Impl::ReplaceAgentAt(const std::string& pid) {
  const auto it = agents_by_pid_.find(pid);
  if (it == agents_by_pid_.end() || it->second->connected) return;
  RemoveAgent(*it->second, Counter::kAgentRemovalsRegistered,
              "a new agent registered at the same address");
}

void Master::Impl::Reregister(SubscriptionPtr subscription) {
  const v1::AgentInfo& info = subscription->message.info();
  const AgentId id(info.id().value());
  if (membership_.StandingOf(id) == Standing::kGone)
    return RefuseAgent(*subscription, link::Event::SHUTDOWN, "Agent has been marked gone");
  if (membership_.IsBeingWritten(id)) {
    return subscription->reply(
        Fail(Code::kUnavailable,
             "Agent '{}' is being registered or removed just now; subscribe again later", id));
  }
  const Agent* agent = FindAgent(id.value());
  if (agent != nullptr && agent->info.hostname() != info.hostname()) {
    return RefuseAgent(
        *subscription, link::Event::ERROR,
        fmt::format("Agent '{}' is known as '{}' and cannot reregister as '{}'; clear its work "
                    "directory to register it as a new agent",
                    id, agent->info.hostname(), info.hostname()));
  }
  const v1::AgentInfo* known = agent != nullptr ? &agent->info : membership_.RecoveredInfo(id);
  membership_.BeginAdmission(id);
  auto done = [this, subscription, id](const Status& status) {
    if (!ConfirmAdmission(*subscription, status)) return;
    if (Agent* live = FindAgent(id.value()); live != nullptr) {
      Reconnect(*live, *subscription);
    } else {
      Readmit(*subscription);
    }
  };
  if (known != nullptr && known->SerializeAsString() == info.SerializeAsString()) return done({});
  subscribing_[subscription->stream] = subscription;
  if (known != nullptr) {
    registrar_.Commit(change::PutAgent{info}, lifetime_.Bind(std::move(done)));
  } else {
    registrar_.Commit(change::MarkReachable{info}, lifetime_.Bind(std::move(done)));
  }
}

bool Master::Impl::ConfirmAdmission(Subscription& subscription, const Status& status) {
  subscribing_.erase(subscription.stream);
  const AgentId id(subscription.message.info().id().value());
  if (!membership_.IsBeingAdmitted(id)) {  // A removal superseded the admission.
    subscription.reply(
        Fail(Code::kUnavailable, "The agent was removed meanwhile; subscribe again"));
    return false;
  }
  if (status) return true;
  membership_.AbandonAdmission(id);
  spdlog::error("The registry refused agent {}: {}", id, status.error().message);
  subscription.reply(
      Fail(Code::kUnavailable, "The registry refused the agent: {}", status.error().message));
  return false;
}

void Master::Impl::Admit(Subscription& subscription) {
  Agent& agent = AddAgent(subscription);
  membership_.Admit(agent.id);
  allocator_.AddAgent(SpecOf(agent), {});
  Count(Counter::kAgentRegistrations);
  OpenStream(agent, subscription);
  spdlog::info("Registered agent {} ({}) with {}", agent.id, agent.info.hostname(),
               agent.total.ToString());
}

void Master::Impl::Readmit(Subscription& subscription) {
  link::Call::Subscribe& message = subscription.message;
  const AgentId id(message.info().id().value());
  const Standing before = membership_.StandingOf(id);
  assert(before == Standing::kRecovered || before == Standing::kUnreachable ||
         before == Standing::kUnknown);
  const Membership::Tasks were_unreachable = membership_.Admit(id);
  removals_.Cancel(id);  // A recovered agent may wait for its turn to become unreachable.
  Agent& agent = AddAgent(subscription);
  agent.reregistered = agent.registered;
  AdoptFrameworks(message);
  // After a failover of the master nothing happened to the tasks, so no status is sent.
  AdoptRunning(agent, message,
               before == Standing::kRecovered     ? nullptr
               : before == Standing::kUnreachable ? "Unreachable agent reregistered"
                                                  : "Unknown agent reregistered");
  if (before == Standing::kUnreachable) {
    ForgetTasks(were_unreachable);
  } else {
    AdoptHistory(message);
  }
  std::unordered_map<FrameworkId, Resources> used;
  for (Framework* framework : agent.frameworks) {
    const auto it = framework->used.find(&agent);
    if (it != framework->used.end()) used.emplace(framework->id, it->second);
  }
  allocator_.AddAgent(SpecOf(agent), used);
  Count(Counter::kAgentReregistrations);
  OpenStream(agent, subscription);
  SendFrameworks(agent, message);
  spdlog::info("Reregistered agent {} ({}) with {} tasks", id, agent.info.hostname(),
               agent.tasks.size());
}

void Master::Impl::Reconnect(Agent& agent, Subscription& subscription) {
  const link::Call::Subscribe& message = subscription.message;
  if (agent.connected) {
    // The older stream is dead, but its end was not noticed yet.
    links_.Close(agent.stream);
    Disconnect(agent);
  }
  membership_.Admit(agent.id);
  Describe(agent, subscription);
  agent.total = subscription.total;
  // The total that the agent reports is its real one, so failed operations must not change it.
  for (auto& [uuid, operation] : agent.operations) operation.consumed = operation.converted = {};
  agent.reregistered = clock_.WallNow();
  AdoptFrameworks(message);
  allocator_.UpdateAgent(SpecOf(agent));
  allocator_.ActivateAgent(agent.id);
  Count(Counter::kAgentReregistrations);
  agent.reregister.Cancel();
  CancelUnreachable(agent.id);
  OpenStream(agent, subscription);
  CompareTasks(agent, message);
  CompareExecutors(agent, message);
  CompareOperations(agent, message);
  SendFrameworks(agent, message);
}

Agent& Master::Impl::AddAgent(const Subscription& subscription) {
  const AgentId id(subscription.message.info().id().value());
  const auto [it, is_new] = agents_.emplace(id, std::make_unique<Agent>(clock_));
  assert(is_new);
  Agent& agent = *it->second;
  agent.id = id;
  agent.registered = clock_.WallNow();
  agent.total = subscription.total;
  Describe(agent, subscription);
  return agent;
}

void Master::Impl::Describe(Agent& agent, const Subscription& subscription) {
  using Capability = v1::AgentInfo::Capability;
  const link::Call::Subscribe& message = subscription.message;
  agent.info = message.info();
  agent.version = message.version();
  agent.capabilities.clear();
  for (const Capability& capability : message.capabilities())
    agent.capabilities.push_back(capability.type());
  agent.operation_feedback =
      model::HasCapability(agent.capabilities, Capability::RESOURCE_PROVIDER) &&
      model::HasCapability(agent.capabilities, Capability::AGENT_OPERATION_FEEDBACK);
  agent.resource_version = message.resource_version_uuid();
  agent.address = message.address();
  if (!agent.address.has_hostname()) agent.address.set_hostname(agent.info.hostname());
  if (!message.has_address()) agent.address.set_port(agent.info.port());
  const auto old = agents_by_pid_.find(agent.pid);
  if (old != agents_by_pid_.end() && old->second == &agent) agents_by_pid_.erase(old);
  agent.pid = fmt::format("slave(1)@{}:{}", agent.address.ip(), agent.address.port());
  agents_by_pid_[agent.pid] = &agent;
}

void Master::Impl::OpenStream(Agent& agent, Subscription& subscription) {
  assert(!agent.connected);
  agent.connected = true;
  agent.stream = subscription.stream;
  agent.stream_uuid = subscription.stream_uuid;
  agents_by_stream_[agent.stream] = &agent;
  agents_by_stream_uuid_[agent.stream_uuid] = &agent;
  publisher_.AgentChanged(agent);

  link::Event event;
  event.set_type(link::Event::SUBSCRIBED);
  event.mutable_subscribed()->mutable_agent_id()->set_value(agent.id.value());
  *event.mutable_subscribed()->mutable_master_info() = options_.info;
  event.mutable_subscribed()->set_total_ping_timeout_seconds(Seconds(options_.agent_ping_timeout) *
                                                             options_.max_agent_ping_timeouts);
  Send(agent, std::move(event));
  StartPings(agent);
  subscription.reply({});
  // The agent disconnected while the registrar wrote. It is admitted, but disconnected.
  if (subscription.closed) Disconnect(agent);
}

allocator::AgentSpec Master::Impl::SpecOf(const Agent& agent) const {
  return {.info = agent.info, .capabilities = agent.capabilities, .total = agent.total};
}

}  // namespace tepui::master
