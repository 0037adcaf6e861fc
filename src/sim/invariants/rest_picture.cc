// SPDX-License-Identifier: Apache-2.0
#include "sim/invariants/rest_picture.h"

#include <algorithm>
#include <memory>

#include "agent/core/agent.h"
#include "master/view/read_model.h"
#include "model/states.h"
#include "resources/resources.h"
#include "sim/cluster/cluster.h"

namespace tepui::sim {

namespace {

using AgentState = agent::AgentState;
using ExecutorState = agent::ExecutorState;

Quantities AmountOf(const google::protobuf::RepeatedPtrField<v1::Resource>& resources) {
  return Resources::FromProto(resources).value_or(Resources()).ScalarQuantities();
}

void AddExecutor(const std::string& framework, const ExecutorState& executor,
                 RestPicture::Agent* out) {
  for (const v1::TaskInfo& task : executor.queued)
    out->tasks[{framework, task.task_id().value()}] = v1::TASK_STAGING;
  for (const auto* tasks : {&executor.launched, &executor.terminated}) {
    for (const v1::Task& task : *tasks)
      out->tasks[{framework, task.task_id().value()}] = task.state();
  }
  for (const v1::Task& task : executor.terminated)
    out->unacknowledged.emplace(framework, task.task_id().value());
  if (executor.command_executor) return;
  const bool idle = executor.queued.empty() && executor.launched.empty();
  auto& executors = idle && !executor.terminated.empty() ? out->idle_executors : out->executors;
  executors.emplace(framework, executor.info.executor_id().value());
}

void AddState(const AgentState& state, RestPicture::Agent* out) {
  out->registered = state.registered;
  out->id = state.id.value();
  out->completed_frameworks = state.completed_frameworks.size();
  for (const agent::FrameworkState& framework : state.frameworks) {
    const std::string& id = framework.info.id().value();
    out->completed_executors =
        std::max(out->completed_executors, framework.completed_executors.size());
    for (const ExecutorState& executor : framework.executors) {
      AddExecutor(id, executor, out);
      out->completed_tasks = std::max(out->completed_tasks, executor.completed.size());
    }
  }
}

RestPicture::Agent TakeAgent(const AgentNode& node) {
  RestPicture::Agent out;
  out.host = node.host();
  out.running = node.running();
  for (std::string& task : node.RunningTasks()) out.programs.insert(std::move(task));
  if (const auto state = node.Snapshot(); state != nullptr) AddState(*state, &out);
  return out;
}

RestPicture::Scheduler TakeScheduler(const SchedulerNode& node) {
  return {.host = node.host(),
          .running = node.running(),
          .subscribed = node.subscribed(),
          .well_behaved = node.framework().well_behaved(),
          .framework = node.framework_id(),
          .tasks = node.tasks()};
}

void AddFramework(const std::string& id, const master::ReadModel::Framework& framework,
                  RestPicture::Leader* out) {
  out->frameworks[id] = {.connected = framework.record->connected,
                         .completed = framework.record->completed,
                         .completed_tasks = framework.completed.size(),
                         .unreachable_tasks = framework.unreachable.size()};
  for (const auto& [number, task] : framework.active) {
    RestPicture::Leader::Agent& agent = out->agents[task->agent_id().value()];
    agent.tasks[{id, task->task_id().value()}] = task->state();
    if (!model::IsTerminal(task->state())) agent.held += AmountOf(task->resources());
  }
  for (const auto& [agent_id, info] : framework.record->executors) {
    RestPicture::Leader::Agent& agent = out->agents[agent_id.value()];
    agent.executors.emplace(id, info.executor_id().value());
    agent.held += AmountOf(info.resources());
  }
}

RestPicture::Leader TakeLeader(const std::string& host, const master::ReadModel& model) {
  RestPicture::Leader out;
  out.host = host;
  for (const auto& [id, record] : model.agents()) {
    RestPicture::Leader::Agent& agent = out.agents[id.value()];
    agent.connected = record->connected;
    agent.used = record->used.ScalarQuantities();
  }
  for (const auto& [id, framework] : model.frameworks()) AddFramework(id.value(), framework, &out);
  return out;
}

}  // namespace

RestPicture TakePicture(const Cluster& cluster) {
  RestPicture picture;
  for (const auto& node : cluster.agents()) picture.agents.push_back(TakeAgent(*node));
  for (const auto& node : cluster.schedulers()) picture.schedulers.push_back(TakeScheduler(*node));
  if (const MasterNode* leader = cluster.leader();
      leader != nullptr && leader->read_model() != nullptr) {
    picture.leader = TakeLeader(leader->host(), *leader->read_model());
  }
  picture.standing = [&registry = cluster.registry()](const std::string& agent) {
    return registry.Find(agent);
  };
  picture.removed = [&registry = cluster.registry()](const std::string& framework) {
    return registry.IsRemoved(framework);
  };
  picture.unanswered = cluster.operator_node().Unanswered();
  picture.most_in_flight_bytes = cluster.network().most_in_flight_bytes();
  return picture;
}

}  // namespace tepui::sim
