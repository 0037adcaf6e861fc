// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/agent_server.h"

namespace tepui::cli {

// Opens <work_dir>/meta/agent.db, where an agent keeps what it recovers after a restart.
//
// Damaged data is refused and left unchanged: the whole file when it is opened, a record when it is
// loaded. If the agent is not `strict`, records that do not match their checksums are removed
// instead, after the store was copied, and named in the log. A file that cannot be read at all is
// moved aside, to a name with the time, never deleted, and the store is then empty: the agent
// registers as a new one and ends the containers that it finds running, because the contents of the
// file could not be trusted to be complete.
//
// A full disk does not end the store (storage::SqliteStore::OnFull).
server::AgentServerOptions::OpenStore CheckpointStore(const std::string& work_dir, bool strict,
                                                      std::vector<std::string>* problems);

// The port of the agent that has its checkpoint in `work_dir`; 0 if there is none, or the
// checkpoint cannot be read. An agent whose port the kernel chooses returns with it: it must keep
// its address, by which also its executors find it.
uint16_t CheckpointedPort(const std::string& work_dir);

}  // namespace tepui::cli
