// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "sim/invariants/findings.h"
#include "sim/invariants/rest_picture.h"
#include "sim/invariants/task_invariants.h"

namespace tepui::sim {

// Checks a cluster that had time to come to rest: told-truth, nothing-forgotten, statuses-arrive,
// converged, gone-stays-gone, removed-stays-removed, bounded (docs/testing/simulator.md). Can be
// used once.
class RestInvariants {
 public:
  // In a run of this size no connection comes near the network's limit of 64 MB.
  static constexpr size_t kMostInFlightBytes = 8 << 20;

  RestInvariants(const RestPicture& picture, const TaskInvariants& tasks, Findings& findings);

  void Check();

 private:
  using Agent = RestPicture::Agent;
  using Scheduler = RestPicture::Scheduler;

  void CheckRegistered();
  void CheckAgreement(const Agent& agent, const RestPicture::Leader::Agent& as_led);
  void CheckBelief(const Scheduler& scheduler, const std::string& task, v1::TaskState state);
  void CheckLiving(const Scheduler& scheduler, const std::string& task, v1::TaskState state);
  void CheckHeard(const Scheduler& scheduler, const std::string& task, v1::TaskState state);
  void CheckPrograms();
  // True if the task was checked against what its framework believes.
  bool IsBelieved(const std::string& task) const;
  // An agent that does not run is given the benefit of the doubt.
  bool AgentHas(const std::string& host, const std::string& task) const;
  void CheckGone();
  void CheckRemoved();
  void CheckStatuses();
  void CheckBounds();

  // The host on which the task's program runs, if any.
  std::optional<std::string> RunsOn(const std::string& task) const;

  const RestPicture& picture_;
  const TaskInvariants& tasks_;
  Findings& findings_;
  std::map<std::string, std::string> programs_;    // Hosts by task.
  std::set<std::string> well_behaved_frameworks_;  // Ids of those that run.
};

}  // namespace tepui::sim
