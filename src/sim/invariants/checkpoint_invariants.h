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

// Checks saved-first and saved-before-run (docs/testing/simulator.md): checkpointed tasks,
// reservations and volumes that an agent reports are on its disk, and so are tasks and executors
// whose programs run.
class CheckpointInvariants {
 public:
  explicit CheckpointInvariants(Findings& findings) : findings_(findings) {}

  // The agent's disk has a new value of the key (docs/storage.md), or none if the key was removed.
  void OnSaved(const std::string& host, const std::string& key,
               const std::optional<std::string>& value);
  // `task` is a task's id or, for a custom executor, "executor <id>".
  void OnProgramStarted(const std::string& host, const std::string& task);
  void OnAgentEvent(const std::string& host, const link::Event& event);
  void OnAgentSends(const std::string& host, const link::Call& call);

 private:
  // Contents of one agent's disk. Ids are unique, so those of an earlier disk do no harm.
  struct Disk {
    std::unordered_set<std::string> statuses;  // Uuids of all status updates that were ever on it.
    std::unordered_set<std::string> programs;  // Tasks and executors that were ever on it.
    // Uuids of all operation updates that were ever on it.
    std::unordered_set<std::string> operations;
    std::set<std::string> volumes;  // Ids of persistent volumes that are on it.
    // Ids of volumes that were ever on it, or are to be destroyed.
    std::set<std::string> known_volumes;
    // Operations by uuid whose result is not reported yet.
    std::unordered_map<std::string, v1::Offer::Operation> asked;
  };

  void OnRun(const v1::TaskInfo& task, const v1::ExecutorInfo& executor);
  void OnNeverStarted(const std::string& host, const v1::TaskStatus& status);
  void OnStatus(const std::string& host, const Disk& disk, const v1::TaskStatus& status);
  void OnOutcome(const std::string& host, Disk& disk, const link::Call::OperationUpdate& update);

  Findings& findings_;
  std::map<std::string, Disk> disks_;
  // Checkpointed tasks and executors, and how often agents were asked to run them.
  std::unordered_map<std::string, int> checkpointed_;
  std::unordered_set<std::string> ran_;    // Tasks whose programs ran.
  std::unordered_set<std::string> ended_;  // Tasks whose end is, or was, on a disk.
};

}  // namespace tepui::sim
