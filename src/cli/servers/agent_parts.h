// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "cli/flags/agent_flags.h"
#include "server/agent_server.h"

namespace tepui::cli {

// The value for server::AgentServerOptions::parts: makes this machine's containerizer, prober and
// disk from the flags. Downloads are kept in `fetcher_cache_dir`.
std::function<Result<server::AgentParts>(net::IoThreads&, Poster)> AgentPartsMaker(
    const AgentFlags& flags, const std::string& fetcher_cache_dir);

}  // namespace tepui::cli
