#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/agent_flags.h"
#include "cli/common_flags.h"
#include "cli/master_flags.h"
#include "http/agent_server.h"
#include "http/master_server.h"

namespace tepui::cli {

// From flags to servers. Everything that is wrong is added to `problems`; with any there, the
// options are not to be used.

using FlagValues = std::vector<std::pair<std::string, std::string>>;

http::MasterServerOptions ToMasterServer(const MasterFlags& flags, const CommonFlags& common,
                                         const Identity& identity, FlagValues values,
                                         std::vector<std::string>* problems);

// `master`: "host:port". Directories are created.
http::AgentServerOptions ToAgentServer(const AgentFlags& flags, const CommonFlags& common,
                                       const Identity& identity, const std::string& master,
                                       const std::string& work_dir,
                                       const std::vector<std::string>& environment,
                                       FlagValues values, std::vector<std::string>* problems);

// Creates the directory and its parents.
void CreateDirectory(const std::string& flag, const std::string& path,
                     std::vector<std::string>* problems);

// Threads for the I/O of a server: few, since they only move bytes and decode.
int IoThreadCount();

}  // namespace tepui::cli
