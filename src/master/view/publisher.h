// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/pointer_set.h"
#include "base/timer.h"
#include "master/records/records.h"
#include "master/view/metrics.h"
#include "master/view/read_model.h"

namespace tepui::master {

// Collects what changed and publishes it to the readers (docs/architecture.md, "Reads never stop
// the cluster").
//
// Tasks, and frameworks and agents that appear, disappear or change their state, are published in
// the turn in which they change, once however often they changed in it. What a framework or an
// agent holds changes with every task, and publishing it costs a copy of the whole record. So it
// follows a little later and together, at a pace at which publishing takes at most a twentieth of
// the thread's time. A reader must not see a task without what it holds, so it waits until both are
// published (WhenPublished). The numbers (metrics) follow once in `metrics_interval`, within the
// same fraction.
class Publisher {
 public:
  // `write_metrics` fills a snapshot, except for the sums that are kept here.
  Publisher(Clock& clock, ReadModelSink& sink, Duration metrics_interval,
            std::function<void(const Gauges&, Metrics*)> write_metrics);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Calls `then` when all that changed before this call is published, except metrics: at once if
  // nothing waits to be published. What waits follows as early as the share of the thread's time
  // allows, so however many readers ask, they do not slow the thread down.
  using Then = std::move_only_function<void()>;
  void WhenPublished(Then then);

  // Returns the task's message for changes. The copy that readers hold stays as it was.
  v1::Task& Edit(Task& task);
  // The task changed (through Edit, in this turn) or appeared.
  void TaskChanged(Task& task);
  // The task left its framework's table. `message` is its last form; null if the task is forgotten
  // altogether.
  void TaskMoved(const FrameworkId& framework, const TaskId& id, TaskPhase phase,
                 std::shared_ptr<const v1::Task> message);

  // What the framework or agent holds changed.
  void FrameworkTouched(Framework& framework);
  void AgentTouched(Agent& agent);
  // It appeared, or its state or info changed.
  void FrameworkChanged(Framework& framework);
  void AgentChanged(Agent& agent);
  // It is about to be destroyed. A framework's record stays as completed until it is forgotten.
  void FrameworkCompleted(Framework& framework, WallTime when);
  void FrameworkForgotten(const FrameworkId& id);
  void AgentRemoved(Agent& agent);

 private:
  void WantTurn();
  void EndTurn();
  void WantHoldings();
  void ScheduleHoldings(MonotonicTime when);
  void PublishHoldings();
  void PublishMetrics();
  void Contribute(Agent& agent, bool gone);
  // Returns how long nothing may be published after a publication that began at `started`.
  Duration Pause(MonotonicTime started) const;

  Clock& clock_;
  ReadModelSink& sink_;
  const Duration metrics_interval_;
  const std::function<void(const Gauges&, Metrics*)> write_metrics_;

  Changes changes_;
  uint64_t turn_ = 1;
  bool turn_wanted_ = false;
  bool holdings_wanted_ = false;
  PointerSet<Framework> changed_frameworks_, touched_frameworks_;
  PointerSet<Agent> changed_agents_, touched_agents_;
  Gauges sums_;
  MonotonicTime holdings_allowed_{};  // The earliest time of their next publication,
  MonotonicTime holdings_due_{};      // and its time if no reader asks.
  std::vector<Then> readers_;
  Timer turn_timer_, holdings_timer_, metrics_timer_;
};

}  // namespace tepui::master
