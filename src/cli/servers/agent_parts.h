// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "cli/flags/agent_flags.h"
#include "containers/sandbox/roots.h"
#include "server/agent_server.h"

namespace tepui::cli {

// Returns the directories that the operator gave to the agent: its work directory and the roots of
// its disks.
std::shared_ptr<const containers::Roots> RootsOf(const agent::Options& options);

// The value for server::AgentServerOptions::parts: makes this machine's containerizer, prober and
// disk from the flags. They work beneath `roots`.
std::function<Result<server::AgentParts>(net::IoThreads&, Poster)> AgentPartsMaker(
    const AgentFlags& flags, std::shared_ptr<const containers::Roots> roots);

}  // namespace tepui::cli
