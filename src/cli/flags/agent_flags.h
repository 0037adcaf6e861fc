// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/agent.h"
#include "base/flags.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/json_flag.h"

namespace tepui::cli {

// The agent's own flags (reference 7.3). Flags shared with the master are declared elsewhere, and
// so are master and work_dir, which have another meaning for `tepui local`.
struct AgentFlags {
  std::optional<std::string> resources;
  std::optional<std::string> attributes;
  std::string default_role = "*";

  Duration registration_backoff_factor = std::chrono::seconds(1);
  std::string recover = "reconnect";
  bool strict = true;
  std::string reconfiguration_policy = "equal";
  Duration recovery_timeout = std::chrono::minutes(15);
  Duration executor_registration_timeout = std::chrono::minutes(1);
  Duration executor_reregistration_timeout = std::chrono::seconds(2);
  Duration executor_shutdown_grace_period = std::chrono::seconds(5);
  std::optional<TextMap> executor_environment_variables;
  int max_completed_executors_per_framework = 150;
  bool switch_user = true;
  bool authenticate_http_executors = false;
  std::optional<std::string> jwt_secret_key;

  Duration gc_delay = std::chrono::weeks(1);
  double gc_disk_headroom = 0.1;
  Duration disk_watch_interval = std::chrono::minutes(1);

  ByteCount fetcher_cache_size{uint64_t{2} << 30};
  std::string fetcher_cache_dir;
  Duration fetcher_stall_timeout = std::chrono::minutes(1);
  std::string frameworks_home;

  std::string runtime_dir;
  std::string isolation = "posix/cpu,posix/mem";
  std::optional<std::string> launcher;
  std::string cgroups_hierarchy = "/sys/fs/cgroup";
  std::string cgroups_root = "mesos";
  bool cgroups_enable_cfs = false;
  bool cgroups_limit_swap = false;
  std::optional<mesos::v1::CapabilityInfo> effective_capabilities;
  std::optional<mesos::v1::CapabilityInfo> bounding_capabilities;
};

void DeclareAgentFlags(FlagTable* table, AgentFlags* flags);

// Adds what is wrong with the values of isolation and launcher; whether the machine supports them
// is checked when the agent starts.
void CheckIsolation(const AgentFlags& flags, std::vector<std::string>* problems);

// Returns the options of an agent with these flags and adds every further problem to `problems`.
// `work_dir` must exist: its file system counts as the agent's disk. The caller sets the identity
// fields of `info`. Reads the file of --jwt_secret_key. `environment` is the agent's own, which
// executors inherit except MESOS_* and LIBPROCESS_*.
agent::Options ToAgentOptions(const AgentFlags& flags, const CommonFlags& common,
                              const std::string& work_dir,
                              const std::vector<std::string>& environment,
                              std::vector<std::string>* problems);

// Returns $TMPDIR or /tmp.
std::string TemporaryDirectory();

}  // namespace tepui::cli
