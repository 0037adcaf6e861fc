// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/core/agent.h"
#include "base/flags.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/json_flag.h"
#include "containers/fetch/uri_fetcher.h"
#include "containers/mesos/mesos_containerizer.h"

namespace tepui::cli {

// The agent's own flags (reference 7.3). Flags that are plain values are bound to the options
// themselves, which hold their defaults. Flags shared with the master are declared elsewhere, and
// so are master and work_dir, which have another meaning for `tepui local`.
struct AgentFlags {
  agent::Options options;
  containers::MesosContainerizer::Options containerizer;
  containers::UriFetcher::Options fetcher;

  std::optional<std::string> resources;
  std::optional<std::string> attributes;
  std::string default_role = "*";
  std::optional<TextMap> executor_environment_variables;
  bool authenticate_http_executors = false;
  std::optional<std::string> jwt_secret_key;
  std::optional<std::string> fetcher_cache_dir;  // Absent: below the work directory.
  std::optional<std::string> launcher;
};

void DeclareAgentFlags(FlagTable* table, AgentFlags* flags);

// Adds what is wrong with the values of isolation and launcher; whether the machine supports them
// is checked when the agent starts.
void CheckIsolation(const AgentFlags& flags, std::vector<std::string>* problems);

// Returns the options of an agent with these flags and adds every further problem to `problems`.
// `work_dir` must exist: its file system counts as the agent's disk. The caller sets the identity
// fields of `info`. Reads the file of --jwt_secret_key if tokens are used. `environment` is the
// agent's own, which executors inherit except MESOS_* and LIBPROCESS_*.
agent::Options ToAgentOptions(const AgentFlags& flags, const CommonFlags& common,
                              const std::string& work_dir,
                              const std::vector<std::string>& environment,
                              std::vector<std::string>* problems);

// Returns where directories are that no flag names: mesos in $TMPDIR or /tmp. Everybody can write
// to /tmp, so what is below must be made with MakeOwnDirectory.
std::string DefaultDirectory();

}  // namespace tepui::cli
