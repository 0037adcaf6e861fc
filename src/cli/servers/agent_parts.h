#pragma once

#include <functional>

#include "cli/flags/agent_flags.h"
#include "server/agent_server.h"

namespace tepui::cli {

// What server::AgentServerOptions::parts wants: makes this machine's containerizer, prober and disk
// by the flags.
std::function<Result<server::AgentParts>(net::IoThreads&, Poster)> AgentPartsMaker(
    const AgentFlags& flags);

}  // namespace tepui::cli
