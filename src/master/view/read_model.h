// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::master {

// What the master shows to readers. The master publishes immutable records. Readers on other
// threads own the maps that contain them, so a read never delays the master (docs/architecture.md).

struct FrameworkRecord {
  v1::FrameworkInfo info;  // The id is set.
  bool active = false;
  bool connected = false;
  bool recovered = false;
  bool completed = false;  // Torn down, or its failover timeout expired.
  WallTime registered{};
  std::optional<WallTime> reregistered;
  std::optional<WallTime> unregistered;
  Resources used;
  Resources offered;
  std::vector<std::shared_ptr<const v1::Offer>> offers;
  // Each with the agent it runs on.
  std::vector<std::pair<AgentId, v1::ExecutorInfo>> executors;
};

struct AgentRecord {
  v1::AgentInfo info;
  std::string version;
  std::vector<v1::AgentInfo::Capability::Type> capabilities;
  std::string pid;  // "slave(1)@ip:port".
  bool active = false;
  bool connected = false;
  WallTime registered{};
  std::optional<WallTime> reregistered;
  Resources total;
  Resources used;
  Resources offered;
};

enum class TaskPhase { kActive, kUnreachable, kCompleted };

struct TaskRecord {
  TaskPhase phase = TaskPhase::kActive;
  std::shared_ptr<const v1::Task> task;
};

// Counters by metric name, as they were at the end of a batch (reference 10).
using Metrics = std::map<std::string, double>;

// What changed in one turn of the master's thread, to be applied in the order of the members. A
// null record is a removal.
struct Changes {
  std::vector<std::pair<FrameworkId, std::shared_ptr<const FrameworkRecord>>> frameworks;
  std::vector<std::pair<AgentId, std::shared_ptr<const AgentRecord>>> agents;
  struct Task {
    FrameworkId framework;
    TaskId id;
    TaskRecord record;  // A null record.task: the task is forgotten.
  };
  std::vector<Task> tasks;
  std::shared_ptr<const Metrics> metrics;  // Null: unchanged.
};

// Receives what the master publishes. Called on the master's thread; must not block.
class ReadModelSink {
 public:
  virtual ~ReadModelSink() = default;
  virtual void Publish(Changes changes) = 0;
};

// The readers' copy. Not thread-safe: it belongs to the reader's thread.
class ReadModel {
 public:
  void Apply(Changes changes);

  struct Framework {
    std::shared_ptr<const FrameworkRecord> record;
    // In order of appearance within a phase.
    std::map<uint64_t, std::shared_ptr<const v1::Task>> active, unreachable, completed;
    std::unordered_map<TaskId, std::pair<TaskPhase, uint64_t>> index;
  };
  // In order of registration.
  const std::vector<FrameworkId>& framework_order() const { return framework_order_; }
  const std::unordered_map<FrameworkId, Framework>& frameworks() const { return frameworks_; }
  const std::vector<AgentId>& agent_order() const { return agent_order_; }
  const std::unordered_map<AgentId, std::shared_ptr<const AgentRecord>>& agents() const {
    return agents_;
  }
  const Metrics& metrics() const { return *metrics_; }

 private:
  std::vector<FrameworkId> framework_order_;
  std::unordered_map<FrameworkId, Framework> frameworks_;
  std::vector<AgentId> agent_order_;
  std::unordered_map<AgentId, std::shared_ptr<const AgentRecord>> agents_;
  std::shared_ptr<const Metrics> metrics_ = std::make_shared<Metrics>();
  uint64_t next_ = 0;
};

}  // namespace tepui::master
