// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/flags/agent_flags.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/master_flags.h"
#include "election/master_address.h"
#include "server/agent_server.h"
#include "server/master_server.h"

namespace tepui::cli {

// Turns flags into servers. Every problem is added to `problems`; if there are any, the options
// must not be used.

using FlagValues = std::vector<std::pair<std::string, std::string>>;

// `work_dir` may be empty, unless the registry is durable and --zk is not given; then it is
// created.
server::MasterServerOptions ToMasterServer(const MasterFlags& flags, const CommonFlags& common,
                                           const Identity& identity, const std::string& work_dir,
                                           FlagValues values, std::vector<std::string>* problems);

// Everything but the detector of the master. Directories are created.
server::AgentServerOptions ToAgentServer(const AgentFlags& flags, const CommonFlags& common,
                                         const Identity& identity, const std::string& work_dir,
                                         const std::vector<std::string>& environment,
                                         FlagValues values, std::vector<std::string>* problems);

// Makes the detector by which an agent finds its master.
std::function<std::unique_ptr<election::Detector>(Clock&, Poster)> DetectorOf(
    election::MasterAddress master, Duration session_timeout);

// Creates the directory and its parents, with a mode that does not depend on the umask.
void CreateDirectory(const std::string& flag, const std::string& path,
                     std::vector<std::string>* problems);

// Creates the directory of the log, if it is written to one, and sets the log up.
Status StartLog(const LogOptions& options);

// Number of threads for the I/O of a server: few, since they only move bytes and decode.
int IoThreadCount();

}  // namespace tepui::cli
