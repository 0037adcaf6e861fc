#include "sim/registry.h"

#include <utility>

namespace tepui::sim {

namespace {

const char* Name(Registry::Op op) {
  switch (op) {
    case Registry::Op::kAdmit:
      return "admit";
    case Registry::Op::kUpdate:
      return "update";
    case Registry::Op::kMarkUnreachable:
      return "unreachable";
    case Registry::Op::kMarkReachable:
      return "reachable";
    case Registry::Op::kMarkGone:
      return "gone";
    case Registry::Op::kRemove:
      return "remove";
    case Registry::Op::kForget:
      return "forget";
  }
  return "unknown";
}

std::vector<Registry::Write> One(Registry::Op op, const mesos::v1::AgentInfo& info) {
  return {{.op = op, .agent = info.id().value(), .info = info, .when = {}}};
}

std::vector<Registry::Write> One(Registry::Op op, const mesos::v1::AgentID& id,
                                 WallTime when = {}) {
  return {{.op = op, .agent = id.value(), .info = {}, .when = when}};
}

}  // namespace

Status Registry::Commit(uint64_t epoch, const Write& write) {
  const std::string& id = write.agent;
  if (epoch != epoch_) {
    world_.Write("registry refuses {} {} of epoch {} in {}", Name(write.op), id, epoch, epoch_);
    return Fail(Code::kConflict, "The registry is in epoch {} and takes no writes of epoch {}",
                epoch_, epoch);
  }
  // Whatever sense it makes: that is for the invariants to judge.
  admitted_.erase(id);
  unreachable_.erase(id);
  gone_.erase(id);
  removed_.erase(id);
  switch (write.op) {
    case Op::kAdmit:
    case Op::kUpdate:
    case Op::kMarkReachable:
      admitted_[id] = write.info;
      break;
    case Op::kMarkUnreachable:
      unreachable_[id] = write.when;
      break;
    case Op::kMarkGone:
      gone_[id] = write.when;
      break;
    case Op::kRemove:
      removed_.insert(id);
      break;
    case Op::kForget:
      break;
  }
  world_.Write("registry takes {} {} of epoch {}", Name(write.op), id, epoch);
  observer_.OnCommitted(epoch, Name(write.op), id);
  return {};
}

Result<master::RecoveredRegistry> Registry::Recover(uint64_t epoch) {
  if (epoch <= epoch_) {
    return Fail(Code::kConflict, "The registry is in epoch {}; epoch {} is over", epoch_, epoch);
  }
  epoch_ = epoch;
  world_.Write("registry begins epoch {}", epoch);
  master::RecoveredRegistry recovered;
  for (const auto& [id, info] : admitted_) recovered.agents.push_back(info);
  for (const auto& [id, when] : unreachable_) recovered.unreachable.emplace_back(id, when);
  for (const auto& [id, when] : gone_) recovered.gone.emplace_back(id, when);
  return recovered;
}

std::optional<Registry::Standing> Registry::Find(const std::string& agent) const {
  if (admitted_.contains(agent)) return Standing::kAdmitted;
  if (unreachable_.contains(agent)) return Standing::kUnreachable;
  if (gone_.contains(agent) || removed_.contains(agent)) return Standing::kRemoved;
  return std::nullopt;
}

SimulatedRegistrar::SimulatedRegistrar(Process& process, Registry& registry, uint64_t epoch,
                                       const StoreBehaviour& behaviour, SeededRandom random,
                                       std::function<void(const Error&)> on_failure)
    : process_(process),
      registry_(registry),
      epoch_(epoch),
      behaviour_(behaviour),
      random_(std::move(random)),
      on_failure_(std::move(on_failure)) {}

SimulatedRegistrar::~SimulatedRegistrar() {
  process_.world().clock().Cancel(commit_);
  process_.Cancel(answer_);
}

void SimulatedRegistrar::AdmitAgent(const mesos::v1::AgentInfo& info, Done done) {
  Add(One(Registry::Op::kAdmit, info), std::move(done));
}

void SimulatedRegistrar::UpdateAgent(const mesos::v1::AgentInfo& info, Done done) {
  Add(One(Registry::Op::kUpdate, info), std::move(done));
}

void SimulatedRegistrar::MarkUnreachable(const mesos::v1::AgentID& id, WallTime when, Done done) {
  Add(One(Registry::Op::kMarkUnreachable, id, when), std::move(done));
}

void SimulatedRegistrar::MarkReachable(const mesos::v1::AgentInfo& info, Done done) {
  Add(One(Registry::Op::kMarkReachable, info), std::move(done));
}

void SimulatedRegistrar::MarkGone(const mesos::v1::AgentID& id, WallTime when, Done done) {
  Add(One(Registry::Op::kMarkGone, id, when), std::move(done));
}

void SimulatedRegistrar::RemoveAgent(const mesos::v1::AgentID& id, Done done) {
  Add(One(Registry::Op::kRemove, id), std::move(done));
}

void SimulatedRegistrar::Prune(const std::vector<AgentId>& unreachable,
                               const std::vector<AgentId>& gone, Done done) {
  std::vector<Registry::Write> writes;
  for (const auto* ids : {&unreachable, &gone}) {
    for (const AgentId& id : *ids) {
      writes.push_back({.op = Registry::Op::kForget, .agent = id.value(), .info = {}, .when = {}});
    }
  }
  Add(std::move(writes), std::move(done));
}

void SimulatedRegistrar::Add(std::vector<Registry::Write> writes, Done done) {
  waiting_.push_back({std::move(writes), std::move(done)});
  if (batch_.empty()) Begin();
}

Duration SimulatedRegistrar::NextDelay() {
  const Duration spread = behaviour_.max_delay - behaviour_.min_delay;
  return behaviour_.min_delay + std::chrono::duration_cast<Duration>(random_.Fraction() * spread);
}

void SimulatedRegistrar::Begin() {
  batch_.swap(waiting_);
  commit_ = process_.world().clock().After(NextDelay(), [this] { Commit(); });
}

void SimulatedRegistrar::Commit() {
  commit_ = 0;
  outcome_ = {};
  std::vector<const Registry::Write*> writes;
  for (const Asked& asked : batch_) {
    for (const Registry::Write& write : asked.writes) writes.push_back(&write);
  }
  if (behaviour_.fails) {
    writes.resize(random_.Below(writes.size() + 1));
    outcome_ = Fail(Code::kUnavailable, "The store failed");
  }
  for (const Registry::Write* write : writes) {
    if (Status status = registry_.Commit(epoch_, *write); !status) {
      outcome_ = std::move(status);
      break;
    }
  }
  answer_ = process_.After(NextDelay(), [this] { Answer(); });
}

void SimulatedRegistrar::Answer() {
  answer_ = 0;
  // What is asked meanwhile waits: the batch is not empty yet.
  for (Asked& asked : batch_) asked.done(outcome_);
  if (!outcome_) {
    on_failure_(outcome_.error());
    return;
  }
  batch_.clear();
  if (!waiting_.empty()) Begin();
}

}  // namespace tepui::sim
