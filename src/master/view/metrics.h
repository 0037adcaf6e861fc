// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "base/clock.h"
#include "master/records/records.h"
#include "master/view/read_model.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::master {

// Events that the master counts, each under a name of reference 10. In the order of kCounterNames
// (metrics.cc).
enum class Counter {
  kDroppedMessages,
  kMessagesRegisterFramework,
  kMessagesReregisterFramework,
  kMessagesUnregisterFramework,
  kMessagesKillTask,
  kMessagesStatusUpdateAcknowledgement,
  kMessagesOperationStatusUpdateAcknowledgement,
  kMessagesResourceRequest,
  kMessagesLaunchTasks,
  kMessagesDeclineOffers,
  kMessagesReviveOffers,
  kMessagesSuppressOffers,
  kMessagesReconcileOperations,
  kMessagesReconcileTasks,
  kMessagesFrameworkToExecutor,
  kMessagesExecutorToFramework,
  kMessagesRegisterAgent,
  kMessagesReregisterAgent,
  kMessagesUnregisterAgent,
  kMessagesStatusUpdate,
  kMessagesOperationStatusUpdate,
  kMessagesExitedExecutor,
  kValidFrameworkToExecutorMessages,
  kInvalidFrameworkToExecutorMessages,
  kValidExecutorToFrameworkMessages,
  kInvalidExecutorToFrameworkMessages,
  kValidStatusUpdates,
  kInvalidStatusUpdates,
  kValidStatusUpdateAcknowledgements,
  kInvalidStatusUpdateAcknowledgements,
  kValidOperationStatusUpdates,
  kInvalidOperationStatusUpdates,
  kValidOperationStatusUpdateAcknowledgements,
  kInvalidOperationStatusUpdateAcknowledgements,
  kRecoveryAgentRemovals,
  kAgentRegistrations,
  kAgentReregistrations,
  kAgentRemovals,
  kAgentRemovalsUnhealthy,
  kAgentRemovalsUnregistered,
  kAgentRemovalsRegistered,
  kAgentUnreachableScheduled,
  kAgentUnreachableCompleted,
  kAgentUnreachableCanceled,
  kCount,
};

// The master's counters. Counting is an increment; names are made only for a snapshot.
class Counters {
 public:
  void Add(Counter counter, uint64_t by = 1) { counts_[static_cast<size_t>(counter)] += by; }
  uint64_t Get(Counter counter) const { return counts_[static_cast<size_t>(counter)]; }

  // A live task entered or left `state` (gauges), or a task ended in it (counters).
  void TaskEnters(v1::TaskState state) { ++tasks_[state]; }
  void TaskLeaves(v1::TaskState state);
  // Counts the source and reason of a terminal status:
  // task_<state>/source_<source>/reason_<reason>.
  void TaskReason(const v1::TaskStatus& status);
  void OperationEnters(v1::Offer::Operation::Type type, v1::OperationState state);
  void OperationLeaves(v1::Offer::Operation::Type type, v1::OperationState state);

  void Write(Metrics* out) const;

 private:
  std::array<uint64_t, static_cast<size_t>(Counter::kCount)> counts_{};
  std::array<int64_t, kTaskStates> tasks_{};
  // Few combinations occur (reference 2.6).
  std::map<std::array<int, 3>, uint64_t> reasons_;
  std::array<std::array<int64_t, kOperationStates>, kOperationTypes> operations_{};
  std::array<uint64_t, kOperationTypes> operation_totals_{};
};

// Values that are computed at the moment of a snapshot.
struct Gauges {
  double uptime_seconds = 0;
  size_t agents_connected = 0, agents_disconnected = 0, agents_unreachable = 0;
  size_t frameworks_active = 0, frameworks_inactive = 0, frameworks_connected = 0,
         frameworks_disconnected = 0;
  size_t outstanding_offers = 0;
  Quantities total, used, revocable_total, revocable_used;
};
void Write(const Gauges& gauges, Metrics* out);

// master/frameworks/<name>/<id>/...
void WriteFramework(const Framework& framework, Metrics* out);

}  // namespace tepui::master
