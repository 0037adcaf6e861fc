// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/resource_invariants.h"

#include <utility>

namespace tepui::sim {

namespace {

using SchedulerCall = mesos::v1::scheduler::Call;
using SchedulerEvent = mesos::v1::scheduler::Event;

Quantities AmountOf(const google::protobuf::RepeatedPtrField<v1::Resource>& resources) {
  return Resources::FromProto(resources).value_or(Resources()).ScalarQuantities();
}

std::string ExecutorKey(const v1::ExecutorInfo& executor) {
  return "executor " + executor.executor_id().value();
}

}  // namespace

// --- Offers.

void ResourceInvariants::OnSchedulerCall(const SchedulerCall& call) {
  const std::string& framework = call.framework_id().value();
  if (call.type() == SchedulerCall::DECLINE) NoteAnswered(framework, call.decline().offer_ids());
  if (call.type() != SchedulerCall::ACCEPT) return;
  NoteAnswered(framework, call.accept().offer_ids());
  const auto accept = std::make_shared<Accept>();
  for (const v1::OfferID& id : call.accept().offer_ids()) accept->offers.push_back(id.value());
  const auto note = [&](const v1::TaskInfo& task) {
    const auto [place, is_new] = accepts_.try_emplace({framework, task.task_id().value()}, accept);
    if (!is_new) place->second = nullptr;
  };
  for (const v1::Offer::Operation& operation : call.accept().operations()) {
    for (const v1::TaskInfo& task : operation.launch().task_infos()) note(task);
    for (const v1::TaskInfo& task : operation.launch_group().task_group().tasks()) note(task);
  }
}

void ResourceInvariants::NoteAnswered(
    const std::string& framework, const google::protobuf::RepeatedPtrField<v1::OfferID>& offers) {
  std::set<std::string>& outstanding = outstanding_[framework];
  for (const v1::OfferID& id : offers) outstanding.erase(id.value());
}

void ResourceInvariants::OnMasterSends(const std::string& host, const std::string& framework,
                                       const SchedulerEvent& event) {
  switch (event.type()) {
    case SchedulerEvent::SUBSCRIBED:
      // Offers of an older stream are void (reference 1.2).
      outstanding_.erase(event.subscribed().framework_id().value());
      return;
    case SchedulerEvent::OFFERS:
      return OnOffers(host, event.offers());
    case SchedulerEvent::RESCIND: {
      const std::string& id = event.rescind().offer_id().value();
      const auto offer = offers_.find(id);
      if (offer == offers_.end()) return;
      offer->second.rescinded = true;
      outstanding_[offer->second.framework].erase(id);
      return;
    }
    case SchedulerEvent::FAILURE:
      if (!event.failure().has_executor_id())
        OnAgentLost(host, framework, event.failure().agent_id().value());
      return;
    default:
      return;
  }
}

void ResourceInvariants::OnOffers(const std::string& host, const SchedulerEvent::Offers& offers) {
  for (const v1::Offer& offer : offers.offers()) {
    const std::string& framework = offer.framework_id().value();
    offers_[offer.id().value()] = {.master = host,
                                   .framework = framework,
                                   .agent = offer.agent_id().value(),
                                   .quantities = AmountOf(offer.resources())};
    outstanding_[framework].insert(offer.id().value());
  }
}

void ResourceInvariants::OnAgentLost(const std::string& host, const std::string& framework,
                                     const std::string& agent) {
  const auto outstanding = outstanding_.find(framework);
  if (outstanding == outstanding_.end()) return;
  for (const std::string& id : outstanding->second) {
    const Offer& offer = offers_.at(id);
    if (offer.agent != agent || offer.master != host) continue;
    findings_.Report("offered-once",
                     "Framework {} is told that agent {} is lost, and still has offer {} of it",
                     framework, agent, id);
  }
}

void ResourceInvariants::OnMasterSends(const std::string& host, const link::Event& event) {
  if (event.type() == link::Event::SUBSCRIBED) {
    missing_[{host, event.subscribed().agent_id().value()}].returned = true;
  } else if (event.type() == link::Event::RUN_TASK) {
    const link::Event::RunTask& run = event.run_task();
    Quantities amount = AmountOf(run.task().resources());
    if (run.launch_executor() && run.task().has_executor())
      amount += AmountOf(run.task().executor().resources());
    OnLaunch(run.framework_info().id().value(), run.task().task_id().value(), amount);
  } else if (event.type() == link::Event::RUN_TASK_GROUP) {
    const link::Event::RunTaskGroup& run = event.run_task_group();
    Quantities amount;
    for (const v1::TaskInfo& task : run.task_group().tasks()) amount += AmountOf(task.resources());
    if (run.launch_executor()) amount += AmountOf(run.executor().resources());
    if (run.task_group().tasks().empty()) return;
    OnLaunch(run.framework_info().id().value(), run.task_group().tasks(0).task_id().value(),
             amount);
  }
}

void ResourceInvariants::OnLaunch(const std::string& framework, const std::string& task,
                                  const Quantities& amount) {
  const auto found = accepts_.find({framework, task});
  if (found == accepts_.end()) {
    findings_.Report("offered-once", "Task {} is launched, which framework {} did not ask for",
                     task, framework);
    return;
  }
  if (found->second == nullptr) return;
  Accept& accept = *found->second;
  Quantities offered;
  for (const std::string& id : accept.offers) {
    const auto known = offers_.find(id);
    if (known == offers_.end() || known->second.framework != framework) {
      findings_.Report("offered-once",
                       "Task {} is launched on offer {}, which framework {} has not", task, id,
                       framework);
      continue;
    }
    Offer& offer = known->second;
    offered += offer.quantities;
    if (offer.rescinded) {
      findings_.Report("offered-once", "Task {} is launched on offer {}, which was rescinded", task,
                       id);
    }
    if (offer.used_by != nullptr && offer.used_by != &accept) {
      findings_.Report("offered-once", "Task {} is launched on offer {}, which was used before",
                       task, id);
    }
    offer.used_by = &accept;
  }
  accept.launched += amount;
  if (offered.Contains(accept.launched)) return;
  findings_.Report("offered-once", "Task {} is launched: {} in all on offers of {}", task,
                   accept.launched.ToString(), offered.ToString());
}

// --- Resources as the master counts them.

void ResourceInvariants::OnPublished(const std::string& host, const master::Changes& changes) {
  for (const auto& [id, framework] : changes.frameworks) {
    if (framework != nullptr && framework->completed) removed_frameworks_.insert(id.value());
  }
  for (const auto& [id, agent] : changes.agents) {
    if (agent == nullptr) continue;
    const Quantities total = agent->total.ScalarQuantities();
    Quantities taken = InUse(host, id.value(), *agent).ScalarQuantities();
    if (!total.Contains(taken)) {
      findings_.Report("capacity", "{} counts {} in use of agent {}, which has {}", host,
                       taken.ToString(), id, total.ToString());
      continue;
    }
    taken += agent->offered.ScalarQuantities();
    if (total.Contains(taken)) continue;
    findings_.Report("offered-once", "{} counts {} in use or offered of agent {}, which has {}",
                     host, taken.ToString(), id, total.ToString());
  }
}

// Used resources without the reservations and volumes that the agent lacked when it came back: they
// never reached it. Tasks launched on them were lost too, and count as in use until the agent
// reports them lost. Resources that are missing for any other reason are in use.
Resources ResourceInvariants::InUse(const std::string& host, const std::string& id,
                                    const master::AgentRecord& agent) {
  Resources used = agent.used;
  used.Unallocate();
  const auto known = missing_.find({host, id});
  if (known == missing_.end()) return used;
  const Resources missing = used.Reserved() - agent.total;
  auto& [returned, resources] = known->second;
  resources = std::exchange(returned, false) ? missing : missing - (missing - resources);
  used -= resources;
  if (resources.empty()) missing_.erase(known);
  return used;
}

// --- Machines.

void ResourceInvariants::OnAgentSends(const std::string& host, const link::Call& call) {
  if (call.type() == link::Call::SUBSCRIBE)
    machines_[host] = AmountOf(call.subscribe().info().resources());
}

void ResourceInvariants::OnAgentEvent(const link::Event& event) {
  const auto note = [this](const std::string& framework, const v1::TaskInfo& task) {
    orders_[task.task_id().value()] = {framework, AmountOf(task.resources())};
    if (task.has_executor())
      orders_[ExecutorKey(task.executor())] = {framework, AmountOf(task.executor().resources())};
  };
  if (event.type() == link::Event::RUN_TASK) {
    note(event.run_task().framework_info().id().value(), event.run_task().task());
  } else if (event.type() == link::Event::RUN_TASK_GROUP) {
    const link::Event::RunTaskGroup& run = event.run_task_group();
    const std::string& framework = run.framework_info().id().value();
    for (const v1::TaskInfo& task : run.task_group().tasks()) note(framework, task);
    orders_[ExecutorKey(run.executor())] = {framework, AmountOf(run.executor().resources())};
  }
}

void ResourceInvariants::OnContainerStarted(const std::string& host, const std::string& container,
                                            const std::string& task, const Resources& resources) {
  const auto order = orders_.find(task);
  // An executor's container grows and shrinks with its tasks, which are counted separately.
  const bool executor = task.starts_with("executor ");
  Program program;
  if (order != orders_.end()) program.framework = order->second.framework;
  program.quantities =
      executor && order != orders_.end() ? order->second.quantities : resources.ScalarQuantities();
  Start(host, container, std::move(program));
}

void ResourceInvariants::OnContainerEnded(const std::string& host, const std::string& container) {
  programs_[host].erase(container);
}

void ResourceInvariants::OnExecutorTask(const std::string& host, const std::string& task,
                                        bool started) {
  const std::string key = "task " + task;
  if (!started) {
    programs_[host].erase(key);
    return;
  }
  const auto order = orders_.find(task);
  if (order == orders_.end()) return;
  Start(host, key, {order->second.framework, order->second.quantities});
}

void ResourceInvariants::Start(const std::string& host, const std::string& key, Program program) {
  programs_[host][key] = std::move(program);
  CheckMachine(host);
}

void ResourceInvariants::CheckMachine(const std::string& host) {
  Quantities sum;
  for (const auto& [key, program] : programs_[host]) {
    // As in Mesos, the resources of a removed framework are free at once, before its programs have
    // ended.
    if (!removed_frameworks_.contains(program.framework)) sum += program.quantities;
  }
  const Quantities& has = machines_[host];
  if (has.Contains(sum)) return;
  findings_.Report("capacity", "Programs on {} use {}; it has {}", host, sum.ToString(),
                   has.ToString());
}

}  // namespace tepui::sim
