// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "mesos/v1/mesos.pb.h"
#include "tepui/content_type.h"

namespace tepui::frameworks {

// What to run and as which user.
struct RunPlan {
  std::string master = "127.0.0.1:5050";
  ContentType content_type = ContentType::kProtobuf;
  mesos::v1::FrameworkInfo framework;
  std::optional<mesos::v1::Credential> credential;
  std::vector<mesos::v1::TaskInfo> tasks;                 // A single task, or those of the group.
  std::optional<mesos::v1::ExecutorInfo> group_executor;  // Only for a task group.
  std::optional<Duration> kill_after;
};

}  // namespace tepui::frameworks
