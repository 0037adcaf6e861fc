#pragma once

#include <functional>

#include "cli/agent_flags.h"
#include "http/agent_server.h"

namespace tepui::cli {

// What http::AgentServerOptions::parts wants: makes this machine's containerizer, prober and disk
// by the flags.
std::function<Result<http::AgentParts>(net::IoThreads&, Poster)> AgentPartsMaker(
    const AgentFlags& flags);

}  // namespace tepui::cli
