// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::agent {

// The state of an agent for /state and the read endpoints. These are copies that other threads may
// keep.

struct ExecutorState {
  v1::ExecutorInfo info;
  ContainerId container;
  std::string directory;
  bool command_executor = false;
  Resources resources;
  std::vector<v1::TaskInfo> queued;
  std::vector<v1::Task> launched;
  std::vector<v1::Task> terminated;  // Tasks whose last status is not acknowledged yet.
  std::vector<v1::Task> completed;
};

struct FrameworkState {
  v1::FrameworkInfo info;
  std::vector<ExecutorState> executors;
  std::vector<ExecutorState> completed_executors;
};

struct AgentState {
  AgentId id;  // Empty before the first registration.
  bool registered = false;
  v1::MasterInfo master;
  WallTime started{};
  std::vector<FrameworkState> frameworks;
  std::vector<FrameworkState> completed_frameworks;
  Resources total;
  Resources allocated;  // What the executors hold that have not ended.
  std::vector<std::pair<std::string, double>> metrics;
};

}  // namespace tepui::agent
