// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::agent {

struct Options {
  v1::AgentInfo info;  // hostname, port, attributes, domain, and the total resources.
  v1::Address address;
  std::string version;
  std::string work_dir;
  Duration registration_backoff_factor = std::chrono::seconds(1);
  Duration executor_registration_timeout = std::chrono::minutes(1);
  Duration executor_shutdown_grace_period = std::chrono::seconds(5);
  Duration executor_reregistration_timeout = std::chrono::seconds(2);
  Duration recovery_timeout = std::chrono::minutes(15);
  Duration gc_delay = std::chrono::weeks(1);
  double gc_disk_headroom = 0.1;
  Duration disk_watch_interval = std::chrono::minutes(1);
  int max_completed_executors_per_framework = 150;
  bool switch_user = true;
  // The environment that executors get instead of the agent's own (flag
  // executor_environment_variables), and the base of every task's environment. The edge fills it.
  std::vector<std::pair<std::string, std::string>> executor_environment;
  // The secret that signs executors' tokens; empty: executors are not authenticated.
  std::string jwt_secret;

  // --- After a restart.
  // Identifies the machine's boot (/proc/sys/kernel/random/boot_id), which no container outlives.
  std::string boot_id;
  enum class Recover {
    kReconnect,  // Keep what runs.
    kCleanup,    // End what runs, then the agent; for an upgrade that cannot keep what runs.
  };
  Recover recover = Recover::kReconnect;
  // The agent does not start if a record of its checkpoint cannot be used; if false, it leaves such
  // records out.
  bool strict = true;
  enum class Reconfiguration {
    kEqual,     // The AgentInfo must be the same as before.
    kAdditive,  // It may have more resources and attributes, and a domain if it had none.
  };
  Reconfiguration reconfiguration = Reconfiguration::kEqual;
};

}  // namespace tepui::agent
