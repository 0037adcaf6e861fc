// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/invariants/findings.h"
#include "sim/nodes/observer.h"

namespace tepui::sim {

class Cluster;
class World;

// Invariants of a cluster, checked at every event, and once more when it has come to rest.
// docs/testing/simulator.md states exactly what each of them claims and its exceptions:
// - capacity: programs on a machine, and the resources of an agent that the master counts as in
//   use, never add up to more than the agent has.
// - offered-once: no resource is in two offers, or in an offer and in use; launches use valid
//   offers and not more resources than they hold.
// - runs-once: the program of a task starts at most once.
// - dead-stays-dead: a task that was reported to have ended does not run, then or later.
// - status-order: a framework sees the statuses of a task in the order in which the agent made
//   them, and none after the terminal one.
// - acknowledged-once: an update whose acknowledgement reached its agent is not sent again, and the
//   next one is not sent before that.
// - durable-first: an agent's admission, loss or removal is in the registry before it is reported
//   to anyone.
// - saved-first: an agent reports to the master only what it would still know after a restart.
// - saved-before-run: the program of a checkpointed task or executor runs only when its agent would
//   still know it after a restart, and no agent says of a task that ran that it did not.
// - books: the records of a leading master agree with each other.
// - gone-stays-gone: an agent that was removed is not admitted again under its id.
// - removed-stays-removed: a framework that was removed does not come back under its id.
// - answers-hold: what a master answers to an operator is so, and stays so.
// - gone-is-told: frameworks learn what became of their tasks on an agent that was marked gone.
// - one-leader: writes of a leader stop taking effect when the next leader's epoch begins.
// - told-truth (at rest): reconciliation is answered, and the answer matches what runs.
// - nothing-forgotten (at rest): every task has ended as its framework sees it, or runs as everyone
//   sees it.
// - statuses-arrive (at rest): no agent holds a status that its framework has not acknowledged.
// - converged (at rest): agents and frameworks that run are registered; master and agents agree.
// - bounded (at rest): queues and histories stayed within their bounds.
class Invariants final : public Observer {
 public:
  explicit Invariants(World& world);
  ~Invariants() override;

  void OnSchedulerCall(const std::string& host, const mesos::v1::scheduler::Call& call) override;
  void OnSchedulerEvent(const std::string& host, const mesos::v1::scheduler::Event& event) override;
  void OnMasterSends(const std::string& host, const std::string& framework,
                     const mesos::v1::scheduler::Event& event) override;
  void OnMasterSends(const std::string& host, const std::string& agent,
                     const link::Event& event) override;
  void OnPublished(const std::string& host, const master::Changes& changes) override;
  void OnMasterChecked(const std::string& host, const Status& held) override;
  void OnCommitted(uint64_t epoch, const std::string& op, const std::string& id) override;
  void OnLeading(const std::string& host, uint64_t epoch) override;
  void OnAgentChecked(const std::string& host, const Status& held) override;
  void OnOperatorCall(const std::string& host, const mesos::v1::master::Call& call) override;
  void OnOperatorAnswer(const std::string& host, const mesos::v1::master::Call& call,
                        unsigned status) override;
  void OnAgentSends(const std::string& host, const link::Call& call) override;
  void OnAgentEvent(const std::string& host, const link::Event& event) override;
  void OnSaved(const std::string& host, const std::string& key,
               const std::optional<std::string>& value) override;
  void OnContainerStarted(const std::string& host, const std::string& container,
                          const std::string& task, const Resources& resources) override;
  void OnContainerEnded(const std::string& host, const std::string& container,
                        const std::string& task) override;
  void OnExecutorTask(const std::string& host, const std::string& task, bool started) override;
  void OnStarted(const std::string& host) override;
  void OnEnded(const std::string& host, const std::string& why) override;

  // Checks the invariants at rest, when the run is over.
  void CheckAtRest(const Cluster& cluster);

  const std::vector<Violation>& violations() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::sim
