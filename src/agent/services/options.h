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
  v1::AgentInfo info;  // hostname, port, attributes, domain; resources are the total.
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
  // The executors' environment instead of the agent's own (flag executor_environment_variables),
  // and the base of every task's: filled by the edge.
  std::vector<std::pair<std::string, std::string>> executor_environment;
  // Signs and checks executors' tokens; empty: executors are not authenticated.
  std::string jwt_secret;

  // --- After a restart.
  // Of the machine's boot (/proc/sys/kernel/random/boot_id): containers do not outlast it.
  std::string boot_id;
  enum class Recover {
    kReconnect,  // Go on with what runs.
    kCleanup,    // End what runs, then the agent: for an upgrade that cannot go on with it.
  };
  Recover recover = Recover::kReconnect;
  // What of the checkpoint cannot be used keeps the agent from starting; otherwise it is left out.
  bool strict = true;
  enum class Reconfiguration {
    kEqual,     // Only an agent with the same AgentInfo may go on.
    kAdditive,  // More resources and attributes, and a domain where there was none, are fine.
  };
  Reconfiguration reconfiguration = Reconfiguration::kEqual;
};

}  // namespace tepui::agent
