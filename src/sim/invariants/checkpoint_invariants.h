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

// What an agent says of checkpointed tasks, reservations and volumes is on its disk: saved-first
// (docs/testing/simulator.md).
class CheckpointInvariants {
 public:
  explicit CheckpointInvariants(Findings& findings) : findings_(findings) {}

  // The agent's disk has a new value of the key (docs/storage.md); none: it is gone.
  void OnSaved(const std::string& host, const std::string& key,
               const std::optional<std::string>& value);
  void OnAgentEvent(const std::string& host, const link::Event& event);
  void OnAgentSends(const std::string& host, const link::Call& call);

 private:
  // Of one agent's disk. Ids are unique, so that what a disk before held does no harm.
  struct Disk {
    std::unordered_set<std::string> statuses;    // Uuids that were ever on it.
    std::unordered_set<std::string> operations;  // Likewise.
    std::set<std::string> volumes;               // Ids of persistent volumes that are on it.
    std::set<std::string> known_volumes;         // Those that were ever, or are to be destroyed.
    std::unordered_map<std::string, v1::Offer::Operation> asked;  // By uuid; not told yet.
  };

  void OnStatus(const std::string& host, const Disk& disk, const v1::TaskStatus& status);
  void OnOutcome(const std::string& host, Disk& disk, const link::Call::OperationUpdate& update);

  Findings& findings_;
  std::map<std::string, Disk> disks_;
  std::unordered_set<std::string> checkpointed_;  // Tasks.
};

}  // namespace tepui::sim
