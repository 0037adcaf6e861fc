// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "master/view/read_model.h"
#include "mesos/v1/master/master.pb.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "sim/invariants/findings.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// Checks what operators cause: answers-hold, gone-is-told, removed-stays-removed
// (docs/testing/simulator.md). What the newest leader sends is compared with what it knows for
// sure: what the registry had when its epoch began, and what it has shown to know since.
class OperatorInvariants {
 public:
  explicit OperatorInvariants(Findings& findings) : findings_(findings) {}

  void OnLeading(const std::string& host);
  void OnCommitted(const std::string& op, const std::string& id);
  void OnOperatorCall(const mesos::v1::master::Call& call);
  void OnOperatorAnswer(const std::string& host, const mesos::v1::master::Call& call,
                        unsigned status);
  void OnMasterSends(const std::string& host, const std::string& framework,
                     const mesos::v1::scheduler::Event& event);
  void OnMasterSends(const std::string& host, const link::Event& event);
  void OnPublished(const std::string& host, const master::Changes& changes);

 private:
  // By framework and task.
  using TaskKey = std::pair<std::string, std::string>;
  struct Framework {
    bool partition_aware = false;
    bool connected = false;
  };

  void OnMarkedGone(const std::string& host, const std::string& agent);
  void OnNoSuchAgent(const std::string& host, const std::string& agent);
  void OnTornDown(const std::string& host, const std::string& framework);
  void OnNoSuchFramework(const std::string& host, const std::string& framework);
  // The leader knows from now on that the agent is gone: its connected frameworks have been told.
  void CheckTold(const std::string& agent);
  void OnUpdate(const std::string& framework, const v1::TaskStatus& status);
  void CheckRemoved(const std::string& framework, const char* what);
  void Publish(const master::Changes::Task& task);

  Findings& findings_;
  std::string leader_;

  // --- The registry.
  std::set<std::string> present_agents_;  // Admitted or unreachable.
  std::set<std::string> gone_;
  std::set<std::string> removed_;  // Frameworks.
  // Calls to mark the agent gone that masters received and did not refuse.
  std::map<std::string, int> asked_;

  // --- The leader.
  std::set<std::string> known_gone_;
  std::set<std::string> known_removed_;
  // Agents of which the leader has answered that they are gone. CheckTold waits until the leader
  // has published which frameworks it takes for connected.
  std::set<std::string> answered_gone_;
  std::map<std::string, Framework> frameworks_;         // As readers see them, not completed.
  std::map<TaskKey, std::string> living_;               // Agents of tasks that have not ended.
  std::map<std::string, std::set<TaskKey>> living_on_;  // The same tasks by agent.

  std::map<TaskKey, v1::TaskState> told_;  // The last state that a master sent of the task.
};

}  // namespace tepui::sim
