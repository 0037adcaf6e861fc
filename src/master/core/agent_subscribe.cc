// SPDX-License-Identifier: Apache-2.0
// Agents that register or come back (reference 2.9, 4).

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
  // A person must fix the errors below. A new agent exits with the error instead of trying again.
  // One that comes back keeps its tasks and tries again, because the wrong flags may be the
  // master's.
  const v1::AgentInfo& info = subscription->message.info();
  const auto refuse = [&](const Error& error) {
    if (!returns) return RefuseAgent(*subscription, link::Event::ERROR, error.message);
    spdlog::warn("Refusing agent {} ({}) for now: {}", info.id().value(), info.hostname(),
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
                "The agent has a fault domain and its master has none; give the master --domain");
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
    if (!agents_.contains(id) && !unreachable_.contains(id) && !at_registrar_.contains(id))
      return id;
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
  at_registrar_.insert(id);  // No other agent may use that id meanwhile.
  auto done = [this, subscription, id](Status status) {
    at_registrar_.erase(id);
    if (Settle(*subscription, status)) Admit(*subscription);
  };
  if (TEPUI_PLANTED_FAULT("admission-not-awaited")) return done({});
  registrar_.Commit(change::PutAgent{subscription->message.info()},
                    lifetime_.Bind(std::move(done)));
}

// An agent that lost its state registers as a new one; the old agent at its address is removed.
void Master::Impl::ReplaceAgentAt(const std::string& pid) {
  const auto it = agents_by_pid_.find(pid);
  if (it == agents_by_pid_.end() || it->second->connected || it->second->leaving) return;
  Unregister(*it->second, Counter::kAgentRemovalsRegistered,
             "a new agent registered at the same address");
}

void Master::Impl::Reregister(SubscriptionPtr subscription) {
  const v1::AgentInfo& info = subscription->message.info();
  const AgentId id(info.id().value());
  if (gone_.contains(id))
    return RefuseAgent(*subscription, link::Event::SHUTDOWN, "Agent has been marked gone");
  const Agent* agent = FindAgent(id.value());
  if (at_registrar_.contains(id) || (agent != nullptr && agent->leaving)) {
    return subscription->reply(
        Fail(Code::kUnavailable,
             "Agent '{}' is being registered or removed just now; subscribe again later", id));
  }
  if (agent != nullptr && agent->info.hostname() != info.hostname()) {
    return RefuseAgent(
        *subscription, link::Event::ERROR,
        fmt::format("Agent '{}' is known as '{}' and cannot come back as '{}'; clear its work "
                    "directory to register it anew",
                    id, agent->info.hostname(), info.hostname()));
  }
  const auto recovered = recovered_.find(id);
  const v1::AgentInfo* known = agent != nullptr                ? &agent->info
                               : recovered != recovered_.end() ? &recovered->second
                                                               : nullptr;
  const bool live = agent != nullptr;
  auto done = [this, subscription, live](Status status) {
    at_registrar_.erase(AgentId(subscription->message.info().id().value()));
    if (!Settle(*subscription, status)) return;
    if (live) {
      Return(*subscription);
    } else {
      Readmit(*subscription);
    }
  };
  if (known != nullptr && known->SerializeAsString() == info.SerializeAsString()) return done({});
  subscribing_[subscription->stream] = subscription;
  at_registrar_.insert(id);
  if (known != nullptr) {
    registrar_.Commit(change::PutAgent{info}, lifetime_.Bind(std::move(done)));
  } else {
    registrar_.Commit(change::MarkReachable{info}, lifetime_.Bind(std::move(done)));
  }
}

bool Master::Impl::Settle(Subscription& subscription, const Status& status) {
  subscribing_.erase(subscription.stream);
  if (status) return true;
  spdlog::error("The registry did not take agent {}: {}", subscription.message.info().id().value(),
                status.error().message);
  subscription.reply(
      Fail(Code::kUnavailable, "The registry did not take the agent: {}", status.error().message));
  return false;
}

void Master::Impl::Admit(Subscription& subscription) {
  Agent& agent = AddAgent(subscription);
  allocator_.AddAgent(SpecOf(agent), {});
  Count(Counter::kAgentRegistrations);
  OpenStream(agent, subscription);
  spdlog::info("Registered agent {} ({}) with {}", agent.id, agent.info.hostname(),
               agent.total.ToString());
}

void Master::Impl::Readmit(Subscription& subscription) {
  link::Call::Subscribe& message = subscription.message;
  const AgentId id(message.info().id().value());
  const bool recovered = recovered_.erase(id) > 0;
  const bool unreachable = unreachable_.contains(id);
  Agent& agent = AddAgent(subscription);
  agent.reregistered = agent.registered;
  RecoverFrameworks(message);
  // After a failover of the master nothing happened to the tasks, so no status is sent.
  TakeOver(agent, message,
           recovered     ? nullptr
           : unreachable ? "Unreachable agent came back"
                         : "Agent unknown to this master came back");
  if (unreachable) {
    ForgetUnreachable(id);
  } else {
    TakeOverHistory(message);
  }
  std::unordered_map<FrameworkId, Resources> used;
  for (Framework* framework : agent.frameworks) {
    const auto it = framework->used.find(&agent);
    if (it != framework->used.end()) used.emplace(framework->id, it->second);
  }
  allocator_.AddAgent(SpecOf(agent), used);
  Count(Counter::kAgentReregistrations);
  OpenStream(agent, subscription);
  TellOfFrameworks(agent, message);
  spdlog::info("Agent {} ({}) came back with {} tasks", id, agent.info.hostname(),
               agent.tasks.size());
}

void Master::Impl::Return(Subscription& subscription) {
  const link::Call::Subscribe& message = subscription.message;
  Agent* const known = FindAgent(message.info().id().value());
  if (known == nullptr || known->leaving) {
    return subscription.reply(
        Fail(Code::kUnavailable, "The agent was removed meanwhile; subscribe again"));
  }
  Agent& agent = *known;
  if (agent.connected) {
    // The older stream is dead, but its end was not noticed yet.
    links_.Close(agent.stream);
    Disconnect(agent);
  }
  Describe(agent, subscription);
  agent.total = subscription.total;
  // The total that the agent reports is its real one, so failed operations must not change it.
  for (auto& [uuid, operation] : agent.operations) operation.consumed = operation.converted = {};
  agent.reregistered = clock_.WallNow();
  RecoverFrameworks(message);
  allocator_.UpdateAgent(SpecOf(agent));
  allocator_.ActivateAgent(agent.id);
  Count(Counter::kAgentReregistrations);
  agent.reregister.Cancel();
  KeepAfterAll(agent.id);
  OpenStream(agent, subscription);
  CompareTasks(agent, message);
  CompareExecutors(agent, message);
  CompareOperations(agent, message);
  TellOfFrameworks(agent, message);
}

Agent& Master::Impl::AddAgent(const Subscription& subscription) {
  const AgentId id(subscription.message.info().id().value());
  Agent& agent = *(agents_[id] = std::make_unique<Agent>(clock_));
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
