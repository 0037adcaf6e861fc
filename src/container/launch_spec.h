// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "container/demand.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::containers {

// What to start. One container is one task, or one custom executor.
struct LaunchSpec {
  ContainerId id;  // A UUID, or parent.UUID: a nested container shares the parent's cgroup subtree.
  // command.uris are fetched into the sandbox first; `user` below overrides command.user.
  v1::CommandInfo command;
  std::optional<v1::ContainerInfo> container;  // rlimits, capabilities, environment of the image...
  // The whole environment; the agent's is not inherited.
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<std::string> user;  // The user to run as; absent: the agent's user.
  // The working directory; it holds stdout and stderr. It is created if missing, and `user` owns it
  // afterwards.
  std::string sandbox;
  Resources resources;  // Requests: cpu shares, memory soft limit and OOM threshold.
  Limits limits;
  FrameworkId framework;  // For the fetcher's cache (per user) and for names in logs.
  // The container keeps running when the agent ends, and its program waits for Containerizer::Go;
  // otherwise it runs at once, and its shim ends it with the agent.
  bool outlives_agent = true;
};

}  // namespace tepui::containers
