// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "master/view/read_model.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::api {

// The master's v0 documents (reference 1.7), rendered from the read model on the reader's thread.

struct MasterIdentity {
  v1::MasterInfo info;
  std::string cluster;
  WallTime started{};
  WallTime elected{};
  std::vector<std::pair<std::string, std::string>> flags;
};

std::string StateJson(const MasterIdentity& master, const master::ReadModel& model);
std::string StateSummaryJson(const MasterIdentity& master, const master::ReadModel& model);

// If an id is given, the document holds that agent or framework only.
std::string AgentsJson(const master::ReadModel& model, const std::string* agent_id);
std::string FrameworksJson(const master::ReadModel& model, const std::string* framework_id);

struct TaskQuery {
  std::optional<std::string> framework_id;
  std::optional<std::string> task_id;
  size_t limit = 100;
  size_t offset = 0;
  bool ascending = false;
};
std::string TasksJson(const master::ReadModel& model, const TaskQuery& query);

}  // namespace tepui::api
