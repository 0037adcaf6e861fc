// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "capacity/load.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::capacity {

// A cluster and the load on it, as a workload file describes them (docs/capacity-planning.md).

// Limits of a workload. Beyond them a simulation would not end in a reasonable time or memory.
struct Limits {
  static constexpr Duration kShortest = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::hours(24) * 366;
  static constexpr uint64_t kAgents = 200'000;
  static constexpr uint64_t kFrameworks = 10'000;
  static constexpr uint64_t kRoles = 1'000;       // Per framework, and in total.
  static constexpr uint64_t kTasks = 20'000'000;  // Expected number of arriving tasks.
  static constexpr uint64_t kShapes = 1'000;      // Per framework; traces have kTraceShapes.
  static constexpr uint64_t kTraceShapes = 100'000;
};

struct AgentGroup {
  uint64_t count = 0;
  Resources resources;
  google::protobuf::RepeatedPtrField<v1::Attribute> attributes;
  std::optional<v1::DomainInfo> domain;
};

// Resources that one task needs.
struct TaskShape {
  Quantities resources;
  double weight = 1;  // Relative frequency among the shapes of a framework.
  std::string where;  // Place in the file, for messages.
};

// Tasks that arrive, run and end.
struct Batch {
  Arrivals arrivals;
  TaskDuration duration = TaskDuration::Fixed(std::chrono::minutes(1));
};
// This many tasks are kept running: one that ends is replaced by another.
struct Service {
  uint64_t tasks = 0;
  std::optional<TaskDuration> duration;  // Absent if the tasks never end.
};
// A task of a recorded history.
struct TraceTask {
  Duration arrival{};
  Duration duration{};
  uint32_t shape = 0;
};
struct Trace {
  std::vector<TraceTask> tasks;  // In order of arrival.
};

struct FrameworkSpec {
  std::string name;
  uint64_t count = 1;  // Number of such frameworks, each with a load of its own.
  std::vector<std::string> roles;
  std::vector<v1::FrameworkInfo::Capability::Type> capabilities;

  std::variant<Batch, Service, Trace> workload;
  std::vector<TaskShape> shapes;
  // Tasks run only on agents that have all of these attributes.
  google::protobuf::RepeatedPtrField<v1::Attribute> only_on;

  // --- How it answers offers.
  uint64_t max_running = UINT64_MAX;
  double refuse_seconds = 5;
  bool suppress = false;     // Suppresses offers while it has nothing to launch.
  Duration decision_time{};  // Time between an offer and its answer.
  Duration hold_offers{};    // How long it keeps offers that it cannot use at once.

  std::string where;  // Place in the file, for messages.
};

struct Workload {
  Duration duration{};
  std::vector<AgentGroup> agents;
  std::unordered_map<std::string, double> weights;  // By role path.
  std::vector<FrameworkSpec> frameworks;
};

// True if `attributes` contains each of `wanted` with the same value.
bool HasAttributes(const google::protobuf::RepeatedPtrField<v1::Attribute>& attributes,
                   const google::protobuf::RepeatedPtrField<v1::Attribute>& wanted);

}  // namespace tepui::capacity
