// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "master/view/read_model.h"
#include "mesos/v1/mesos.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "resources/resources.h"
#include "sim/invariants/findings.h"
#include "tepui/link.pb.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// Checks who has which resources: capacity and offered-once (docs/testing/simulator.md). Amounts
// are compared as quantities, so reservations and volumes count as the resources they are made of.
class ResourceInvariants {
 public:
  explicit ResourceInvariants(Findings& findings) : findings_(findings) {}

  void OnSchedulerCall(const mesos::v1::scheduler::Call& call);
  void OnMasterSends(const std::string& host, const std::string& framework,
                     const mesos::v1::scheduler::Event& event);
  void OnMasterSends(const std::string& host, const link::Event& event);
  void OnPublished(const std::string& host, const master::Changes& changes);
  void OnAgentSends(const std::string& host, const link::Call& call);
  void OnAgentEvent(const link::Event& event);
  // Parameters are those of Observer.
  void OnContainerStarted(const std::string& host, const std::string& container,
                          const std::string& task, const Resources& resources);
  void OnContainerEnded(const std::string& host, const std::string& container);
  void OnExecutorTask(const std::string& host, const std::string& task, bool started);
  // The framework's removal is in the registry.
  void OnFrameworkRemoved(const std::string& id) { removed_frameworks_.insert(id); }

 private:
  struct Offer {
    std::string master;  // The master's host.
    std::string framework;
    std::string agent;
    Quantities quantities;
    bool rescinded = false;
    const void* used_by = nullptr;  // The Accept that launched tasks on it.
  };
  struct Accept {
    std::vector<std::string> offers;
    Quantities launched;  // Resources of RUN_TASK and RUN_TASK_GROUP.
  };
  // A program that runs on a machine.
  struct Program {
    std::string framework;
    Quantities quantities;
  };
  struct Order {
    std::string framework;
    Quantities quantities;
  };
  // Resources that a master counts as in use on an agent that came back without them.
  struct Missing {
    bool returned = false;  // The next publication is the first since the agent returned.
    Resources resources;    // Only shrinks until the agent's next return.
  };

  void OnOffers(const std::string& host, const mesos::v1::scheduler::Event::Offers& offers);
  void OnAgentLost(const std::string& host, const std::string& framework, const std::string& agent);
  void NoteAnswered(const std::string& framework,
                    const google::protobuf::RepeatedPtrField<v1::OfferID>& offers);
  void OnLaunch(const std::string& framework, const std::string& task, const Quantities& amount);
  Resources InUse(const std::string& host, const std::string& id, const master::AgentRecord& agent);
  void CheckMachine(const std::string& host);
  void Start(const std::string& host, const std::string& key, Program program);

  Findings& findings_;
  std::unordered_map<std::string, Offer> offers_;
  // Offers that are neither answered nor rescinded, by framework.
  std::map<std::string, std::set<std::string>> outstanding_;
  // By framework and task; null if the framework itself launched the task more than once.
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Accept>> accepts_;

  std::map<std::string, Quantities> machines_;  // By host.
  std::map<std::string, std::map<std::string, Program>> programs_;
  // Programs that agents were asked to run, by id of the task or "executor <id>".
  std::unordered_map<std::string, Order> orders_;
  std::set<std::string> removed_frameworks_;
  std::map<std::pair<std::string, std::string>, Missing> missing_;  // By master's host and agent.
};

}  // namespace tepui::sim
