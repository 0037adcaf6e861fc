// SPDX-License-Identifier: Apache-2.0
#include "master/view/publisher.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace tepui::master {

namespace {

constexpr Duration kShortestHoldingsPause = std::chrono::milliseconds(20);
constexpr int kShareOfThread = 20;  // Publishing takes at most one part in this many.

std::shared_ptr<FrameworkRecord> MakeRecord(const Framework& framework) {
  auto record = std::make_shared<FrameworkRecord>();
  record->info = framework.info;
  record->active = framework.active;
  record->connected = framework.connected();
  record->recovered = framework.state == Framework::State::kRecovered;
  record->registered = framework.registered;
  record->reregistered = framework.reregistered;
  for (const auto& [agent, used] : framework.used) record->used += used;
  record->offers.reserve(framework.offers.size());
  for (const Offer* offer : framework.offers) {
    record->offered += offer->resources;
    record->offers.push_back(offer->message);
  }
  record->executors.reserve(framework.executors.size());
  for (const Executor* executor : framework.executors) {
    record->executors.emplace_back(executor->agent->id, executor->info);
  }
  return record;
}

std::shared_ptr<const AgentRecord> MakeRecord(const Agent& agent) {
  auto record = std::make_shared<AgentRecord>();
  record->info = agent.info;
  record->version = agent.version;
  record->capabilities = agent.capabilities;
  record->pid = agent.pid;
  record->active = agent.connected;
  record->connected = agent.connected;
  record->registered = agent.registered;
  record->reregistered = agent.reregistered;
  record->total = agent.total;
  record->used = agent.used;
  for (const Offer* offer : agent.offers) record->offered += offer->resources;
  return record;
}

}  // namespace

Publisher::Publisher(Clock& clock, ReadModelSink& sink, Duration metrics_interval,
                     std::function<void(const Gauges&, Metrics*)> write_metrics)
    : clock_(clock),
      sink_(sink),
      metrics_interval_(metrics_interval),
      write_metrics_(std::move(write_metrics)),
      turn_timer_(clock),
      holdings_timer_(clock),
      metrics_timer_(clock) {
  metrics_timer_.Set(Duration::zero(), [this] { PublishMetrics(); });
}

void Publisher::WhenPublished(Then then) {
  if (!turn_wanted_ && !holdings_wanted_) return then();
  readers_.push_back(std::move(then));
  if (holdings_wanted_) ScheduleHoldings(holdings_allowed_);
}

v1::Task& Publisher::Edit(Task& task) {
  if (task.edited_in_turn != turn_) {
    task.message = std::make_shared<v1::Task>(*task.message);
    TaskChanged(task);
  }
  return *task.message;
}

void Publisher::TaskChanged(Task& task) {
  task.edited_in_turn = turn_;
  changes_.tasks.push_back({.framework = task.framework->id,
                            .id = TaskId(task.message->task_id().value()),
                            .record = {.phase = TaskPhase::kActive, .task = task.message}});
  WantTurn();
}

void Publisher::TaskMoved(const FrameworkId& framework, const TaskId& id, TaskPhase phase,
                          std::shared_ptr<const v1::Task> message) {
  changes_.tasks.push_back(
      {.framework = framework, .id = id, .record = {.phase = phase, .task = std::move(message)}});
  WantTurn();
}

void Publisher::FrameworkTouched(Framework& framework) {
  touched_frameworks_.insert(&framework);
  WantHoldings();
}

void Publisher::AgentTouched(Agent& agent) {
  touched_agents_.insert(&agent);
  WantHoldings();
}

void Publisher::FrameworkChanged(Framework& framework) {
  changed_frameworks_.insert(&framework);
  WantTurn();
}

void Publisher::AgentChanged(Agent& agent) {
  changed_agents_.insert(&agent);
  WantTurn();
}

void Publisher::FrameworkCompleted(Framework& framework, WallTime when) {
  changed_frameworks_.erase(&framework);
  touched_frameworks_.erase(&framework);
  auto record = MakeRecord(framework);
  record->completed = true;
  record->unregistered = when;
  changes_.frameworks.emplace_back(framework.id, std::move(record));
  WantTurn();
}

void Publisher::FrameworkForgotten(const FrameworkId& id) {
  changes_.frameworks.emplace_back(id, nullptr);
  WantTurn();
}

void Publisher::AgentRemoved(Agent& agent) {
  changed_agents_.erase(&agent);
  touched_agents_.erase(&agent);
  Contribute(agent, true);
  changes_.agents.emplace_back(agent.id, nullptr);
  WantTurn();
}

void Publisher::WantTurn() {
  if (turn_wanted_) return;
  turn_wanted_ = true;
  turn_timer_.Set(Duration::zero(), [this] { EndTurn(); });
}

void Publisher::EndTurn() {
  turn_wanted_ = false;
  ++turn_;
  for (Framework* framework : changed_frameworks_) {
    touched_frameworks_.erase(framework);
    changes_.frameworks.emplace_back(framework->id, MakeRecord(*framework));
  }
  changed_frameworks_.clear();
  for (Agent* agent : changed_agents_) {
    touched_agents_.erase(agent);
    Contribute(*agent, false);
    changes_.agents.emplace_back(agent->id, MakeRecord(*agent));
  }
  changed_agents_.clear();
  sink_.Publish(std::exchange(changes_, {}));
  if (holdings_wanted_) return;
  for (Then& then : std::exchange(readers_, {})) then();
}

void Publisher::WantHoldings() {
  if (holdings_wanted_) return;
  holdings_wanted_ = true;
  ScheduleHoldings(readers_.empty() ? holdings_due_ : holdings_allowed_);
}

void Publisher::ScheduleHoldings(MonotonicTime when) {
  const Duration delay = std::max(Duration::zero(), Duration(when - clock_.Now()));
  holdings_timer_.Set(delay, [this] { PublishHoldings(); });
}

void Publisher::PublishHoldings() {
  holdings_wanted_ = false;
  const MonotonicTime started = clock_.Now();
  for (Framework* framework : touched_frameworks_) changed_frameworks_.insert(framework);
  for (Agent* agent : touched_agents_) changed_agents_.insert(agent);
  touched_frameworks_.clear();
  touched_agents_.clear();
  turn_wanted_ = false;
  turn_timer_.Cancel();
  EndTurn();
  const Duration pause = Pause(started);
  holdings_allowed_ = clock_.Now() + pause;
  holdings_due_ = clock_.Now() + std::max(pause, kShortestHoldingsPause);
}

void Publisher::PublishMetrics() {
  const MonotonicTime started = clock_.Now();
  auto metrics = std::make_shared<Metrics>();
  write_metrics_(sums_, metrics.get());
  Changes changes;
  changes.metrics = std::move(metrics);
  sink_.Publish(std::move(changes));
  metrics_timer_.Set(std::max(Pause(started), metrics_interval_), [this] { PublishMetrics(); });
}

void Publisher::Contribute(Agent& agent, bool gone) {
  const auto replace = [](Quantities* sum, Quantities* held, Quantities now) {
    *sum -= *held;
    *sum += now;
    *held = std::move(now);
  };
  Agent::Contribution& held = agent.contribution;
  const auto amount = [&](const Resources& r) {
    return gone ? Quantities() : r.ScalarQuantities();
  };
  replace(&sums_.total, &held.total, amount(agent.total.NonRevocable()));
  replace(&sums_.used, &held.used, amount(agent.used.NonRevocable()));
  replace(&sums_.revocable_total, &held.revocable_total, amount(agent.total.Revocable()));
  replace(&sums_.revocable_used, &held.revocable_used, amount(agent.used.Revocable()));
}

Duration Publisher::Pause(MonotonicTime started) const {
  return kShareOfThread * (clock_.Now() - started);
}

}  // namespace tepui::master
