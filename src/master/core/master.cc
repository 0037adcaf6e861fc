// SPDX-License-Identifier: Apache-2.0
#include "master/core/master.h"

#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/planted_fault.h"
#include "base/seconds.h"
#include "master/core/master_impl.h"

namespace tepui::master {

Master::Impl::Impl(Options options, RecoveredRegistry registry, Clock& clock, Random& random,
                   Links& links, Registrar& registrar, ReadModelSink& sink)
    : options_(std::move(options)),
      clock_(clock),
      random_(random),
      links_(links),
      registrar_(registrar),
      started_(clock.Now()),
      publisher_(clock, sink, options_.metrics_interval,
                 [this](const Gauges& sums, Metrics* out) { WriteMetrics(sums, out); }),
      allocator_(options_.allocator, clock, random,
                 [this](std::vector<allocator::Offer> allocation) {
                   OnAllocation(std::move(allocation));
                 }),
      membership_({.max_age = options_.registry_max_agent_age,
                   .max_count = options_.registry_max_agent_count}),
      removals_(clock, options_.agent_removal_rate),
      recovery_timer_(clock),
      prune_timer_(clock),
      history_timer_(clock) {
  RecoverRegistry(std::move(registry));
}

void Master::Impl::RecoverRegistry(RecoveredRegistry registry) {
  if (TEPUI_PLANTED_FAULT("gone-agents-not-recovered")) registry.gone.clear();
  for (const auto& [id, since] : registry.removed_frameworks) {
    removed_.insert(id);
    removed_order_.emplace_back(since, id);
  }
  registry_agents_ = registry.agents.size();
  membership_.Recover(std::move(registry));
  prune_timer_.Set(options_.registry_gc_interval, [this] { PruneRegistry(); });
  if (membership_.HasTooManyUnreachable()) PruneRegistry();
  if (registry_agents_ == 0) return;
  spdlog::info("Recovered {} agents from the registry; waiting for them to reregister",
               registry_agents_);
  recovery_timer_.Set(options_.agent_reregister_timeout, [this] { ScheduleMissing(); });
}

void Master::Impl::WriteMetrics(const Gauges& sums, Metrics* out) const {
  Gauges gauges = sums;
  gauges.uptime_seconds = Seconds(clock_.Now() - started_);
  gauges.agents_connected = membership_.count(Standing::kActive);
  gauges.agents_disconnected = membership_.count(Standing::kDisconnected);
  gauges.agents_unreachable = membership_.count(Standing::kUnreachable);
  for (const auto& [id, framework] : frameworks_) {
    ++(framework->active ? gauges.frameworks_active : gauges.frameworks_inactive);
    ++(framework->connected() ? gauges.frameworks_connected : gauges.frameworks_disconnected);
    WriteFramework(*framework, out);
  }
  gauges.outstanding_offers = offers_.size();
  Write(gauges, out);
  counters_.Write(out);

  const allocator::Allocator::Counters allocator = allocator_.counters();
  (*out)["allocator/mesos/allocation_runs"] = static_cast<double>(allocator.runs);
  (*out)["allocator/mesos/allocation_run_ms"] =
      std::chrono::duration<double, std::milli>(allocator.last_run).count();
  for (const auto& [name, amount] : allocator_.total()) {
    (*out)["allocator/mesos/resources/" + name.text() + "/total"] = amount.ToDouble();
    (*out)["allocator/mesos/resources/" + name.text() + "/offered_or_allocated"] =
        allocator_.allocated().Get(name).ToDouble();
  }
}

Framework* Master::Impl::FindFramework(const FrameworkId& id) {
  const auto it = frameworks_.find(id);
  return it == frameworks_.end() ? nullptr : it->second.get();
}

Agent* Master::Impl::FindAgent(const std::string& id) {
  const auto it = agents_.find(AgentId(id));
  return it == agents_.end() ? nullptr : it->second.get();
}

void Master::Impl::Send(Framework& framework, std::shared_ptr<const SchedulerEvent> event) {
  if (!framework.connected()) return;
  ++framework.counters.events[event->type()];
  links_.Send(framework.stream, std::move(event));
}

void Master::Impl::Send(Agent& agent, link::Event event) {
  if (agent.connected) Send(agent, std::make_shared<const link::Event>(std::move(event)));
}

void Master::Impl::Send(Agent& agent, std::shared_ptr<const link::Event> event) {
  if (agent.connected) links_.Send(agent.stream, std::move(event));
}

void Master::Impl::Drop(const Framework& framework, std::string_view call, const std::string& why) {
  Count(Counter::kDroppedMessages);
  spdlog::warn("Dropping {} of framework {}: {}", call, framework.id, why);
}

void Master::Impl::OnStreamClosed(StreamId stream) {
  if (const auto it = frameworks_by_stream_.find(stream); it != frameworks_by_stream_.end()) {
    Disconnect(*it->second);
  } else if (const auto agent = agents_by_stream_.find(stream); agent != agents_by_stream_.end()) {
    Disconnect(*agent->second);
  } else if (const auto waiting = subscribing_.find(stream); waiting != subscribing_.end()) {
    waiting->second->closed = true;
  }
}

std::string OperatorName(const security::Caller& caller) {
  return caller.principal ? fmt::format("operator '{}'", *caller.principal) : "an operator";
}

void Master::Impl::Teardown(const security::Caller& caller, const FrameworkId& id, Reply reply) {
  Framework* framework = FindFramework(id);
  if (framework == nullptr) return reply(Fail(Code::kNotFound, "There is no framework '{}'", id));
  RemoveDurably(*framework, fmt::format("torn down by {}", OperatorName(caller)), std::move(reply));
}

Master::Master(Options options, RecoveredRegistry registry, Clock& clock, Random& random,
               Links& links, Registrar& registrar, ReadModelSink& sink)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(registry), clock, random, links,
                                   registrar, sink)) {}

Master::~Master() = default;

void Master::OnSchedulerSubscribe(StreamId stream, const std::string& stream_uuid,
                                  const security::Caller& caller, const SchedulerCall& call,
                                  Reply reply) {
  impl_->OnSchedulerSubscribe(stream, stream_uuid, caller, call, std::move(reply));
}

void Master::OnSchedulerCall(const std::optional<std::string>& stream_uuid,
                             const security::Caller& caller, const SchedulerCall& call,
                             Reply reply) {
  impl_->OnSchedulerCall(stream_uuid, caller, call, std::move(reply));
}

// What an agent may do does not depend on who it is: --authenticate_agents is not supported.
void Master::OnAgentSubscribe(StreamId stream, const std::string& stream_uuid,
                              const security::Caller&, link::Call::Subscribe subscribe,
                              Reply reply) {
  impl_->OnAgentSubscribe(stream, stream_uuid, std::move(subscribe), std::move(reply));
}

void Master::OnAgentCalls(const std::string& stream_uuid, const security::Caller&,
                          const link::Calls& calls, Reply reply) {
  impl_->OnAgentCalls(stream_uuid, calls, std::move(reply));
}

void Master::OnStreamClosed(StreamId stream) { impl_->OnStreamClosed(stream); }

void Master::Teardown(const security::Caller& caller, const FrameworkId& framework, Reply reply) {
  impl_->Teardown(caller, framework, std::move(reply));
}

void Master::WhenPublished(std::move_only_function<void()> then) {
  impl_->WhenPublished(std::move(then));
}

Status Master::CheckInvariants() const { return impl_->CheckInvariants(); }

void Master::MarkAgentGone(const security::Caller& caller, const AgentId& agent, Reply reply) {
  impl_->MarkAgentGone(caller, agent, std::move(reply));
}

}  // namespace tepui::master
