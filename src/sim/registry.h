#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "master/master.h"
#include "master/registrar.h"
#include "sim/observer.h"
#include "sim/process.h"

namespace tepui::sim {

// What is durable of the cluster's membership: outlives every master. Writes carry the leader's
// epoch; those of a deposed leader are refused.
class Registry {
 public:
  enum class Op { kAdmit, kUpdate, kMarkUnreachable, kMarkReachable, kMarkGone, kRemove, kForget };
  struct Write {
    Op op = Op::kAdmit;
    std::string agent;
    mesos::v1::AgentInfo info;  // Of kAdmit, kUpdate and kMarkReachable.
    WallTime when{};            // Of kMarkUnreachable and kMarkGone.
  };

  Registry(World& world, Observer& observer) : world_(world), observer_(observer) {}

  // kConflict if a later epoch has begun, or if this one never did.
  Status Commit(uint64_t epoch, const Write& write);
  // Begins an epoch: from now on earlier ones cannot write. kConflict if it is not later than all
  // before it.
  Result<master::RecoveredRegistry> Recover(uint64_t epoch);

  // kRemoved: by itself or by an operator; the registry remembers for the invariants' sake, masters
  // recover only those marked gone.
  enum class Standing { kAdmitted, kUnreachable, kRemoved };
  // Absent: never heard of, or forgotten.
  std::optional<Standing> Find(const std::string& agent) const;

 private:
  World& world_;
  Observer& observer_;
  uint64_t epoch_ = 0;
  std::map<std::string, mesos::v1::AgentInfo> admitted_;
  std::map<std::string, WallTime> unreachable_;
  std::map<std::string, WallTime> gone_;
  std::set<std::string> removed_;
};

// How the store of one master behaves: faults change it.
struct StoreBehaviour {
  Duration min_delay = std::chrono::microseconds(200);
  Duration max_delay = std::chrono::milliseconds(10);
  // Every commit is answered with an error, though the first of its writes may have been done.
  bool fails = false;
};

// A master's way to the registry: writes in order, those that wait in one commit, answered after
// it. What was not committed when the process ends is lost; what was committed and not answered
// stays. A commit that is under way does not mind a pause of the process; its answer waits.
class SimulatedRegistrar final : public master::Registrar {
 public:
  // `on_failure` runs after a commit failed and all that was asked in it was answered so: the
  // process is to end. No other commit begins then. What is passed by reference outlives the
  // registrar.
  SimulatedRegistrar(Process& process, Registry& registry, uint64_t epoch,
                     const StoreBehaviour& behaviour, SeededRandom random,
                     std::function<void(const Error&)> on_failure);
  ~SimulatedRegistrar() override;

  void AdmitAgent(const mesos::v1::AgentInfo& info, Done done) override;
  void UpdateAgent(const mesos::v1::AgentInfo& info, Done done) override;
  void MarkUnreachable(const mesos::v1::AgentID& id, WallTime when, Done done) override;
  void MarkReachable(const mesos::v1::AgentInfo& info, Done done) override;
  void MarkGone(const mesos::v1::AgentID& id, WallTime when, Done done) override;
  void RemoveAgent(const mesos::v1::AgentID& id, Done done) override;
  void Prune(const std::vector<AgentId>& unreachable, const std::vector<AgentId>& gone,
             Done done) override;

 private:
  struct Asked {
    std::vector<Registry::Write> writes;
    Done done;
  };

  void Add(std::vector<Registry::Write> writes, Done done);
  void Begin();
  void Commit();
  void Answer();
  Duration NextDelay();

  Process& process_;
  Registry& registry_;
  const uint64_t epoch_;
  const StoreBehaviour& behaviour_;
  SeededRandom random_;
  const std::function<void(const Error&)> on_failure_;
  std::vector<Asked> waiting_;
  std::vector<Asked> batch_;  // Under way.
  Status outcome_;            // Of the batch, once committed.
  TimerId commit_ = 0;        // The world's: a store does not pause with its client.
  TimerId answer_ = 0;        // The process'.
};

}  // namespace tepui::sim
