#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "master/master.h"
#include "master/registrar.h"
#include "sim/observer.h"
#include "sim/process.h"

namespace tepui::sim {

// What is durable of the cluster's membership: outlives every master. Writes carry the leader's
// epoch; those of a deposed leader are refused.
class Registry {
 public:
  enum class Op { kAdmit, kUpdate, kMarkUnreachable, kMarkReachable, kRemove };
  struct Write {
    Op op = Op::kAdmit;
    mesos::v1::AgentInfo info;  // Of kMarkUnreachable and kRemove only the id.
    WallTime when{};
  };

  Registry(World& world, Observer& observer) : world_(world), observer_(observer) {}

  // kConflict if a later epoch has begun.
  Status Commit(uint64_t epoch, const Write& write);
  // Begins an epoch: from now on earlier ones cannot write.
  master::RecoveredRegistry Recover(uint64_t epoch);

  // kAdmitted, kUnreachable or kRemoved; absent: never heard of.
  enum class Standing { kAdmitted, kUnreachable, kRemoved };
  std::optional<Standing> Find(const std::string& agent) const;

 private:
  World& world_;
  Observer& observer_;
  uint64_t epoch_ = 0;
  std::map<std::string, mesos::v1::AgentInfo> admitted_;
  std::map<std::string, WallTime> unreachable_;
  std::set<std::string> removed_;
};

// How the store of one master behaves: faults change it.
struct StoreBehaviour {
  Duration min_delay = std::chrono::microseconds(200);
  Duration max_delay = std::chrono::milliseconds(10);
  bool fails =
      false;  // Every write is answered with an error, though (torn) it may have been done.
};

// A master's way to the registry: writes in order, several in one commit, answered after it. What
// was not committed when the process ends is lost; what was committed and not answered (the torn
// last write) stays.
class SimulatedRegistrar final : public master::Registrar {
 public:
  SimulatedRegistrar(Process& process, Registry& registry, uint64_t epoch,
                     const StoreBehaviour& behaviour, SeededRandom random);

  void AdmitAgent(const mesos::v1::AgentInfo& info, Done done) override;
  void UpdateAgent(const mesos::v1::AgentInfo& info, Done done) override;
  void MarkUnreachable(const mesos::v1::AgentID& id, WallTime when, Done done) override;
  void MarkReachable(const mesos::v1::AgentInfo& info, Done done) override;
  void RemoveAgent(const mesos::v1::AgentID& id, Done done) override;

 private:
  Process& process_;
  Registry& registry_;
  const uint64_t epoch_;
  const StoreBehaviour& behaviour_;
  SeededRandom random_;
};

}  // namespace tepui::sim
