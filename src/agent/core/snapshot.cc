// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <utility>

#include "agent/core/agent_impl.h"
#include "agent/services/statuses.h"
#include "base/planted_fault.h"
#include "base/seconds.h"
#include "model/capabilities.h"

namespace tepui::agent {

namespace {

void DescribeQueued(const Executor& executor, link::Call::Subscribe& subscribe) {
  for (const Executor::Delivery& delivery : executor.deliveries()) {
    for (const v1::TaskInfo& task : delivery.tasks) {
      *subscribe.add_tasks() = executor.MakeTask(task);
    }
  }
}

void Describe(const Executor& executor, const StatusUpdates& updates,
              link::Call::Subscribe& subscribe) {
  // An executor that has ended uses nothing; only the last statuses of its tasks are not
  // acknowledged yet.
  if (executor.state() != Executor::State::kTerminated) {
    link::Call::Executor* out = subscribe.add_executors();
    *out->mutable_info() = executor.info();
    out->mutable_framework_id()->set_value(executor.framework().id.value());
    out->set_command_executor(executor.kind() == Executor::Kind::kCommand);
  }
  for (const auto& [id, task] : executor.launched()) {
    if (!TEPUI_PLANTED_FAULT("running-tasks-not-reported")) *subscribe.add_tasks() = task;
  }
  for (const auto& [id, task] : executor.terminated()) {
    // The master keeps a listed task until its end is acknowledged; the end of a closing task has
    // been acknowledged already.
    if (!updates.Closing(executor.framework().id, id)) *subscribe.add_tasks() = task;
  }
  DescribeQueued(executor, subscribe);
}

FrameworkState SnapshotOf(const Framework& framework, const History& history) {
  FrameworkState state;
  state.info = framework.info;
  for (const auto& [id, executor] : framework.executors) {
    state.executors.push_back(executor->Snapshot());
  }
  state.completed_executors = history.ExecutorsOf(framework.id);
  return state;
}

}  // namespace

link::Call::Subscribe Agent::Impl::MakeSubscription() {
  untold_exits_.clear();
  link::Call::Subscribe subscribe;
  *subscribe.mutable_info() = info_;
  subscribe.set_version(options_.version);
  for (const auto capability : model::kAgentCapabilities) {
    subscribe.add_capabilities()->set_type(capability);
  }
  *subscribe.mutable_address() = options_.address;
  operations_.Describe(subscribe);
  for (const auto& [id, framework] : frameworks_) {
    // A new master does not know that the framework was removed. It would expect the framework to
    // resubscribe, and wait forever for the ends of tasks whose statuses are not sent.
    if (framework->removed) continue;
    *subscribe.add_frameworks() = framework->info;
    for (const auto& [executor_id, executor] : framework->executors) {
      Describe(*executor, updates_, subscribe);
    }
  }
  history_.Describe(subscribe);
  return subscribe;
}

Gauges Agent::Impl::MakeGauges() const {
  Gauges gauges;
  gauges.uptime_secs = Seconds(services_.clock.Now() - start_);
  gauges.registered = registration_.registered();
  gauges.frameworks_active = static_cast<double>(frameworks_.size());
  for (const auto& [id, framework] : frameworks_) {
    for (const auto& [executor_id, executor] : framework->executors) {
      switch (executor->state()) {
        case Executor::State::kRegistering:
          ++gauges.executors_registering;
          break;
        case Executor::State::kRunning:
          ++gauges.executors_running;
          break;
        case Executor::State::kTerminating:
          ++gauges.executors_terminating;
          break;
        case Executor::State::kTerminated:
          break;
      }
      for (const auto& [task_id, task] : executor->launched()) ++gauges.live_tasks[task.state()];
      for (const Executor::Delivery& delivery : executor->deliveries()) {
        gauges.live_tasks[v1::TASK_STAGING] += delivery.tasks.size();
      }
      if (executor->state() != Executor::State::kTerminated) gauges.used += executor->allocated();
    }
  }
  gauges.max_allowed_age_secs = Seconds(gc_.allowed_age());
  gauges.disk_full = gc_.disk_full();
  gauges.removals_succeeded = gc_.succeeded();
  gauges.removals_failed = gc_.failed();
  gauges.removals_pending = gc_.scheduled();
  gauges.total = operations_.total();
  return gauges;
}

std::shared_ptr<const AgentState> Agent::Impl::Snapshot() const {
  auto state = std::make_shared<AgentState>();
  state->id = AgentId(info_.id().value());
  state->registered = registration_.registered();
  state->master = master_;
  state->started = wall_start_;
  for (const auto& [id, framework] : frameworks_) {
    state->frameworks.push_back(SnapshotOf(*framework, history_));
  }
  state->completed_frameworks = history_.CompletedFrameworks();
  state->total = operations_.total();
  const Gauges gauges = MakeGauges();
  state->allocated = gauges.used;
  state->metrics = FormatMetrics(metrics_, gauges);
  return state;
}

}  // namespace tepui::agent
