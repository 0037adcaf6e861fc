#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::master {

// What the registry held when a master took over.
struct RecoveredRegistry {
  // With ids. Waited for until agent_reregister_timeout, then marked unreachable.
  std::vector<mesos::v1::AgentInfo> agents;
  std::vector<std::pair<AgentId, WallTime>> unreachable;
  // Told to shut down if they come back.
  std::vector<std::pair<AgentId, WallTime>> gone;
  // They and what agents bring back of them are told to end.
  std::vector<std::pair<FrameworkId, WallTime>> removed_frameworks;
};

// Durable knowledge of which agents belong to the cluster (reference 4), and which frameworks do
// not any more. The master tells nobody of a change before `done` ran with success. `done` runs on
// the master's thread, never from inside the call. Errors: kTooLarge, kInvalid: this change cannot
// be written, nothing else is the matter. Any other: the store is lost, or another master leads;
// whoever made the registrar ends the process.
class Registrar {
 public:
  using Done = std::move_only_function<void(Status)>;
  virtual ~Registrar() = default;

  virtual void AdmitAgent(const mesos::v1::AgentInfo& info, Done done) = 0;
  virtual void UpdateAgent(const mesos::v1::AgentInfo& info, Done done) = 0;
  virtual void MarkUnreachable(const mesos::v1::AgentID& id, WallTime when, Done done) = 0;
  virtual void MarkReachable(const mesos::v1::AgentInfo& info, Done done) = 0;
  virtual void MarkGone(const mesos::v1::AgentID& id, WallTime when, Done done) = 0;
  virtual void RemoveAgent(const mesos::v1::AgentID& id, Done done) = 0;
  virtual void RemoveFramework(const FrameworkId& id, WallTime when, Done done) = 0;
  struct Pruned {
    std::vector<AgentId> unreachable;
    std::vector<AgentId> gone;
    std::vector<FrameworkId> removed_frameworks;
  };
  // Forgets them.
  virtual void Prune(const Pruned& pruned, Done done) = 0;
};

// Keeps nothing: for tests and measurements.
class MemoryRegistrar final : public Registrar {
 public:
  explicit MemoryRegistrar(Clock& clock) : clock_(clock) {}
  void AdmitAgent(const mesos::v1::AgentInfo&, Done done) override { Later(std::move(done)); }
  void UpdateAgent(const mesos::v1::AgentInfo&, Done done) override { Later(std::move(done)); }
  void MarkUnreachable(const mesos::v1::AgentID&, WallTime, Done done) override {
    Later(std::move(done));
  }
  void MarkReachable(const mesos::v1::AgentInfo&, Done done) override { Later(std::move(done)); }
  void MarkGone(const mesos::v1::AgentID&, WallTime, Done done) override { Later(std::move(done)); }
  void RemoveAgent(const mesos::v1::AgentID&, Done done) override { Later(std::move(done)); }
  void RemoveFramework(const FrameworkId&, WallTime, Done done) override { Later(std::move(done)); }
  void Prune(const Pruned&, Done done) override { Later(std::move(done)); }

 private:
  void Later(Done done) {
    clock_.After(Duration::zero(), [done = std::move(done)]() mutable { done({}); });
  }
  Clock& clock_;
};

}  // namespace tepui::master
