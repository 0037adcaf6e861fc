// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::master {

// What the registry held when a new leader recovered it.
struct RecoveredRegistry {
  // With ids. The master waits agent_reregister_timeout for them, then marks them unreachable.
  std::vector<mesos::v1::AgentInfo> agents;
  std::vector<std::pair<AgentId, WallTime>> unreachable;
  // They are shut down if they come back.
  std::vector<std::pair<AgentId, WallTime>> gone;
  // They are refused, and agents that still run them get SHUTDOWN_FRAMEWORK.
  std::vector<std::pair<FrameworkId, WallTime>> removed_frameworks;
};

// The changes that a master makes in its registry. Each is written whole or not at all, except that
// a prune may be written in parts.
namespace change {

// Adds an agent, or replaces the AgentInfo of one that is admitted.
struct PutAgent {
  mesos::v1::AgentInfo info;  // With id.
};
struct MarkUnreachable {
  AgentId id;
  WallTime when{};
};
struct MarkReachable {
  mesos::v1::AgentInfo info;  // With id.
};
struct MarkGone {
  AgentId id;
  WallTime when{};
};
struct RemoveAgent {
  AgentId id;
};
struct RemoveFramework {
  FrameworkId id;
  WallTime when{};
};
// Forgets agents and frameworks that were marked or removed long ago.
struct Prune {
  std::vector<AgentId> unreachable;
  std::vector<AgentId> gone;
  std::vector<FrameworkId> removed_frameworks;
};

}  // namespace change

using RegistryChange =
    std::variant<change::PutAgent, change::MarkUnreachable, change::MarkReachable, change::MarkGone,
                 change::RemoveAgent, change::RemoveFramework, change::Prune>;

// The durable record of which agents belong to the cluster (reference 4) and which frameworks do
// not any more. The master announces a change only after `done` ran with success. `done` runs on
// the master's thread, never from inside the call. Errors: kTooLarge, kInvalid: this change cannot
// be written, and the registry goes on without it. Any other error means that the store is lost or
// another master leads; the owner of the registrar ends the process.
class Registrar {
 public:
  using Done = std::move_only_function<void(Status)>;
  virtual ~Registrar() = default;

  // Changes are written in the order of the calls.
  virtual void Commit(RegistryChange change, Done done) = 0;
};

}  // namespace tepui::master
