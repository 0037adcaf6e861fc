#pragma once

#include <functional>

#include "base/clock.h"
#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui::master {

// Durable knowledge of which agents belong to the cluster (reference 4). The master tells nobody of a change before
// `done` ran with success; a failure means that the store is lost and the process should end. `done` runs on the
// master's thread, never from inside the call.
class Registrar {
 public:
  using Done = std::move_only_function<void(Status)>;
  virtual ~Registrar() = default;

  virtual void AdmitAgent(const mesos::v1::AgentInfo& info, Done done) = 0;
  virtual void UpdateAgent(const mesos::v1::AgentInfo& info, Done done) = 0;
  virtual void MarkUnreachable(const mesos::v1::AgentID& id, WallTime when, Done done) = 0;
  virtual void MarkReachable(const mesos::v1::AgentInfo& info, Done done) = 0;
  virtual void RemoveAgent(const mesos::v1::AgentID& id, Done done) = 0;
};

// Keeps nothing: for `--registry=in_memory`, tests and the local cluster.
class MemoryRegistrar final : public Registrar {
 public:
  explicit MemoryRegistrar(Clock& clock) : clock_(clock) {}
  void AdmitAgent(const mesos::v1::AgentInfo&, Done done) override { Later(std::move(done)); }
  void UpdateAgent(const mesos::v1::AgentInfo&, Done done) override { Later(std::move(done)); }
  void MarkUnreachable(const mesos::v1::AgentID&, WallTime, Done done) override { Later(std::move(done)); }
  void MarkReachable(const mesos::v1::AgentInfo&, Done done) override { Later(std::move(done)); }
  void RemoveAgent(const mesos::v1::AgentID&, Done done) override { Later(std::move(done)); }

 private:
  void Later(Done done) {
    clock_.After(Duration::zero(), [done = std::move(done)]() mutable { done({}); });
  }
  Clock& clock_;
};

}  // namespace tepui::master
