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

// Who has what: capacity and offered-once (docs/testing/simulator.md). Amounts are compared as
// quantities, so reservations and volumes count as what they are made of.
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
  // As Observer names them.
  void OnContainerStarted(const std::string& host, const std::string& container,
                          const std::string& task, const Resources& resources);
  void OnContainerEnded(const std::string& host, const std::string& container);
  void OnExecutorTask(const std::string& host, const std::string& task, bool started);
  // A process on the host ended, and with it all that ran there.
  void OnFrameworkRemoved(const std::string& id) { removed_frameworks_.insert(id); }

 private:
  struct Offer {
    std::string master;  // Host.
    std::string framework;
    std::string agent;
    Quantities quantities;
    bool rescinded = false;
    const void* used_by = nullptr;  // The Accept that launched on it.
  };
  struct Accept {
    std::vector<std::string> offers;
    Quantities launched;  // By RUN_TASK and RUN_TASK_GROUP.
  };
  // Something that runs on a machine.
  struct Program {
    std::string framework;
    Quantities quantities;
  };
  struct Order {
    std::string framework;
    Quantities quantities;
  };
  // What a master counts as in use of an agent that came back without it.
  struct Missing {
    bool returned = false;  // The next publication is the first since its return.
    Resources resources;    // Only less until the next return.
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
  // By framework: neither answered nor rescinded.
  std::map<std::string, std::set<std::string>> outstanding_;
  // By framework and task; null: launched more than once by the framework itself.
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Accept>> accepts_;

  std::map<std::string, Quantities> machines_;  // By host.
  std::map<std::string, std::map<std::string, Program>> programs_;
  // What agents were told to run: by id of the task, or "executor <id>".
  std::unordered_map<std::string, Order> orders_;
  std::set<std::string> removed_frameworks_;
  std::map<std::pair<std::string, std::string>, Missing> missing_;  // By master's host and agent.
};

}  // namespace tepui::sim
