// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/invariants.h"

#include "sim/invariants/checkpoint_invariants.h"
#include "sim/invariants/findings.h"
#include "sim/invariants/membership_invariants.h"
#include "sim/invariants/operator_invariants.h"
#include "sim/invariants/resource_invariants.h"
#include "sim/invariants/rest_invariants.h"
#include "sim/invariants/rest_picture.h"
#include "sim/invariants/task_invariants.h"

namespace tepui::sim {

using SchedulerCall = mesos::v1::scheduler::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

// Passes each fact to the invariants that use it.
class Invariants::Impl {
 public:
  explicit Impl(World& world)
      : findings(world),
        tasks(findings),
        resources(findings),
        membership(findings),
        operators(findings),
        checkpoints(findings) {}

  Findings findings;
  TaskInvariants tasks;
  ResourceInvariants resources;
  MembershipInvariants membership;
  OperatorInvariants operators;
  CheckpointInvariants checkpoints;
};

namespace {

// The program of an executor is not a task.
bool IsExecutor(const std::string& task) { return task.starts_with("executor "); }

}  // namespace

Invariants::Invariants(World& world) : impl_(std::make_unique<Impl>(world)) {}
Invariants::~Invariants() = default;

void Invariants::OnSchedulerCall(const std::string&, const SchedulerCall& call) {
  impl_->tasks.OnSchedulerCall(call);
  impl_->resources.OnSchedulerCall(call);
}

void Invariants::OnSchedulerEvent(const std::string&, const SchedulerEvent& event) {
  impl_->tasks.OnSchedulerEvent(event);
}

void Invariants::OnMasterSends(const std::string& host, const std::string& framework,
                               const SchedulerEvent& event) {
  impl_->tasks.OnMasterSends(event);
  impl_->resources.OnMasterSends(host, framework, event);
  impl_->membership.OnMasterSends(host, framework, event);
  impl_->operators.OnMasterSends(host, framework, event);
}

void Invariants::OnMasterSends(const std::string& host, const std::string&,
                               const link::Event& event) {
  impl_->resources.OnMasterSends(host, event);
  impl_->membership.OnMasterSends(host, event);
  impl_->operators.OnMasterSends(host, event);
}

void Invariants::OnPublished(const std::string& host, const master::Changes& changes) {
  impl_->resources.OnPublished(host, changes);
  impl_->membership.OnPublished(host, changes);
  impl_->operators.OnPublished(host, changes);
}

void Invariants::OnMasterChecked(const std::string& host, const Status& held) {
  if (!held) impl_->findings.Report("books", "{}: {}", host, held.error().message);
}

void Invariants::OnCommitted(uint64_t epoch, const std::string& op, const std::string& id) {
  impl_->membership.OnCommitted(epoch, op, id);
  impl_->operators.OnCommitted(op, id);
  // Counts even if the master that asked for it does not learn of it: the next master shuts down
  // what is left of the framework.
  if (op == "remove framework") impl_->resources.OnFrameworkRemoved(id);
}

void Invariants::OnLeading(const std::string& host, uint64_t epoch) {
  impl_->membership.OnLeading(host, epoch);
  impl_->operators.OnLeading(host);
}

void Invariants::OnOperatorCall(const std::string&, const mesos::v1::master::Call& call) {
  impl_->operators.OnOperatorCall(call);
}

void Invariants::OnOperatorAnswer(const std::string& host, const mesos::v1::master::Call& call,
                                  unsigned status) {
  impl_->operators.OnOperatorAnswer(host, call, status);
}

void Invariants::OnAgentChecked(const std::string& host, const Status& held) {
  if (!held) impl_->findings.Report("agent-books", "{}: {}", host, held.error().message);
}

void Invariants::OnAgentSends(const std::string& host, const link::Call& call) {
  impl_->tasks.OnAgentSends(host, call);
  impl_->resources.OnAgentSends(host, call);
  impl_->checkpoints.OnAgentSends(host, call);
}

void Invariants::OnAgentEvent(const std::string& host, const link::Event& event) {
  impl_->tasks.OnAgentEvent(host, event);
  impl_->resources.OnAgentEvent(event);
  impl_->checkpoints.OnAgentEvent(host, event);
}

void Invariants::OnSaved(const std::string& host, const std::string& key,
                         const std::optional<std::string>& value) {
  impl_->checkpoints.OnSaved(host, key, value);
}

void Invariants::OnContainerStarted(const std::string& host, const std::string& container,
                                    const std::string& task, const Resources& resources) {
  if (!IsExecutor(task)) impl_->tasks.OnProgramStarted(host, task);
  impl_->checkpoints.OnProgramStarted(host, task);
  impl_->resources.OnContainerStarted(host, container, task, resources);
}

void Invariants::OnContainerEnded(const std::string& host, const std::string& container,
                                  const std::string& task) {
  if (!IsExecutor(task)) impl_->tasks.OnProgramEnded(host, task);
  impl_->resources.OnContainerEnded(host, container);
}

void Invariants::OnExecutorTask(const std::string& host, const std::string& task, bool started) {
  if (started) {
    impl_->tasks.OnProgramStarted(host, task);
    impl_->checkpoints.OnProgramStarted(host, task);
  } else {
    impl_->tasks.OnProgramEnded(host, task);
  }
  impl_->resources.OnExecutorTask(host, task, started);
}

void Invariants::OnStarted(const std::string&) {}

void Invariants::OnEnded(const std::string& host, const std::string&) {
  impl_->tasks.OnEnded(host);
}

void Invariants::CheckAtRest(const Cluster& cluster) {
  const RestPicture picture = TakePicture(cluster);
  RestInvariants(picture, impl_->tasks, impl_->findings).Check();
}

const std::vector<Violation>& Invariants::violations() const {
  return impl_->findings.violations();
}

}  // namespace tepui::sim
