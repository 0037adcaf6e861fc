// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "mesos/v1/mesos.pb.h"
#include "storage/store.h"
#include "tepui/checkpoint.pb.h"

namespace tepui::agent {

namespace v1 = ::mesos::v1;

// Identifies a task's records: the executor's container, and the task's number in it.
struct TaskKey {
  ContainerId executor;
  uint64_t number = 0;
};

// The keys of an agent's store (proto/tepui/checkpoint.proto).
inline constexpr std::string_view kAgentKey = "agent";
inline constexpr std::string_view kResourcesKey = "resources";
std::string OperationKey(const std::string& uuid);
std::string DestroyedVolumeKey(const std::string& name);
std::string FrameworkKey(uint64_t number);
std::string ExecutorKey(const ContainerId& container);
std::string ToString(const TaskKey& key);
std::string StatusKey(const TaskKey& task, uint64_t number);
std::string CompletedKey(uint64_t number);
// Describes what is lost if the agent goes on without the record of this key, as a clause for the
// operator who allowed that.
std::string_view LostWith(std::string_view key);

// What the agent saved before its restart.
struct Saved {
  struct Framework {
    uint64_t number = 0;
    v1::FrameworkInfo info;
    bool removed = false;
  };
  struct Status {
    uint64_t number = 0;
    v1::TaskStatus status;
    bool acknowledged = false;
  };
  struct Task {
    uint64_t number = 0;
    checkpoint::Task record;
    std::vector<Status> statuses;  // In order.
  };
  struct Executor {
    ContainerId container;
    checkpoint::Executor record;
    std::vector<Task> tasks;  // In order.
  };
  struct Completed {
    uint64_t number = 0;
    checkpoint::CompletedExecutor record;
  };
  // A record that cannot be used: it is damaged, or it belongs to something that does not exist.
  struct Problem {
    std::string key;
    std::string message;
  };

  std::optional<checkpoint::Agent> agent;
  google::protobuf::RepeatedPtrField<v1::Resource> resources;
  std::vector<v1::Operation> operations;
  std::map<std::string, checkpoint::DestroyedVolume> destroyed_volumes;  // By the record's name.
  std::map<FrameworkId, Framework> frameworks;
  std::vector<Executor> executors;
  std::vector<Completed> completed;  // In order.
  std::vector<Problem> problems;     // Records that are left out of the other members.
};

// `entries` are all entries of the store, in the order of their keys.
Saved ReadCheckpoint(const std::vector<storage::Entry>& entries);

}  // namespace tepui::agent
