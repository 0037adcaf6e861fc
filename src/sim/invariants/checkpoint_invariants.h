// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "mesos/v1/mesos.pb.h"
#include "sim/invariants/findings.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// Checks saved-first (docs/testing/simulator.md): checkpointed tasks, reservations and volumes that
// an agent reports are on its disk.
class CheckpointInvariants {
 public:
  explicit CheckpointInvariants(Findings& findings) : findings_(findings) {}

  // The agent's disk has a new value of the key (docs/storage.md), or none if the key was removed.
  void OnSaved(const std::string& host, const std::string& key,
               const std::optional<std::string>& value);
  void OnAgentEvent(const std::string& host, const link::Event& event);
  void OnAgentSends(const std::string& host, const link::Call& call);

 private:
  // Contents of one agent's disk. Ids are unique, so those of an earlier disk do no harm.
  struct Disk {
    std::unordered_set<std::string> statuses;  // Uuids of all status updates that were ever on it.
    // Uuids of all operation updates that were ever on it.
    std::unordered_set<std::string> operations;
    std::set<std::string> volumes;  // Ids of persistent volumes that are on it.
    // Ids of volumes that were ever on it, or are to be destroyed.
    std::set<std::string> known_volumes;
    // Operations by uuid whose result is not reported yet.
    std::unordered_map<std::string, v1::Offer::Operation> asked;
  };

  void OnStatus(const std::string& host, const Disk& disk, const v1::TaskStatus& status);
  void OnOutcome(const std::string& host, Disk& disk, const link::Call::OperationUpdate& update);

  Findings& findings_;
  std::map<std::string, Disk> disks_;
  std::unordered_set<std::string> checkpointed_;  // Checkpointed tasks.
};

}  // namespace tepui::sim
