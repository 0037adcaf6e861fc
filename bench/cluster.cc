// SPDX-License-Identifier: Apache-2.0
#include "cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/capabilities.h"

namespace tepui::bench {

namespace {

// Placeholder for an agent's number, of the same length.
constexpr std::string_view kNumber = "~~~~~~";
constexpr std::string_view kMaster = "6d1d12a7-4f6e-4c0a-9b0e-3f1f2c5a9e77";

v1::FrameworkInfo NamedFramework(std::string id) {
  v1::FrameworkInfo info;
  info.set_user("bench");
  info.set_name("bench");
  info.mutable_id()->set_value(std::move(id));
  info.set_failover_timeout(1e6);
  info.set_checkpoint(true);
  info.add_roles("bench");
  for (const auto type : {v1::FrameworkInfo::Capability::MULTI_ROLE,
                          v1::FrameworkInfo::Capability::RESERVATION_REFINEMENT,
                          v1::FrameworkInfo::Capability::PARTITION_AWARE}) {
    info.add_capabilities()->set_type(type);
  }
  return info;
}

void AddLabels(int count, v1::Labels* labels) {
  for (int i = 0; i < count; ++i) {
    v1::Label* label = labels->add_labels();
    label->set_key(fmt::format("key{}", i));
    label->set_value(fmt::format("value{}", i));
  }
}

void AddStatus(v1::TaskState state, v1::Task* task) {
  v1::TaskStatus* status = task->add_statuses();
  *status->mutable_task_id() = task->task_id();
  *status->mutable_agent_id() = task->agent_id();
  status->mutable_executor_id()->set_value(task->task_id().value());
  status->set_state(state);
  status->set_source(v1::TaskStatus::SOURCE_EXECUTOR);
  status->set_timestamp(1.7e9 + 0.123);
  status->set_uuid("0123456789abcdef");
  v1::ContainerStatus* container = status->mutable_container_status();
  container->mutable_container_id()->set_value(std::string(kMaster));
  container->add_network_infos()->add_ip_addresses()->set_ip_address("10.0.0.1");
}

}  // namespace

void SetScalar(const std::string& name, double value, v1::Resource* resource) {
  resource->set_name(name);
  resource->set_type(v1::Value::SCALAR);
  resource->mutable_scalar()->set_value(value);
}

v1::FrameworkInfo FrameworkOf(int framework) {
  return NamedFramework(fmt::format("{}-{:04}", kMaster, framework));
}

v1::FrameworkInfo HistoryFrameworkOf(int framework) {
  return NamedFramework(fmt::format("{}-{:04}", kMaster, 5000 + framework));
}

v1::Task TaskOf(const ClusterShape& shape, const v1::FrameworkInfo& framework,
                const std::string& agent_id, const std::string& task_id, v1::TaskState state) {
  v1::Task task;
  task.set_name("dummy");
  task.mutable_task_id()->set_value(task_id);
  *task.mutable_framework_id() = framework.id();
  task.mutable_agent_id()->set_value(agent_id);
  task.set_state(state);
  SetScalar("cpus", 0.1, task.add_resources());
  SetScalar("mem", 5, task.add_resources());
  for (v1::Resource& resource : *task.mutable_resources())
    resource.mutable_allocation_info()->set_role("bench");
  if (shape.labels > 0) AddLabels(shape.labels, task.mutable_labels());
  if (!shape.detailed) return task;
  task.mutable_executor_id()->set_value(task_id);
  task.set_user("bench");
  AddStatus(v1::TASK_STARTING, &task);
  AddStatus(v1::TASK_RUNNING, &task);
  if (state != v1::TASK_RUNNING) AddStatus(state, &task);
  return task;
}

v1::TaskInfo TaskInfoOf(const std::string& agent_id, const std::string& task_id, double cpus,
                        int labels) {
  v1::TaskInfo task;
  task.set_name("dummy");
  task.mutable_task_id()->set_value(task_id);
  task.mutable_agent_id()->set_value(agent_id);
  task.mutable_command()->set_value("sleep 1000");
  SetScalar("cpus", cpus, task.add_resources());
  SetScalar("mem", 5, task.add_resources());
  if (labels > 0) AddLabels(labels, task.mutable_labels());
  return task;
}

link::Call::Subscribe NewAgent(const std::string& index, double cpus, double mem) {
  link::Call::Subscribe subscribe;
  subscribe.mutable_info()->set_hostname("agent-" + index);
  SetScalar("cpus", cpus, subscribe.mutable_info()->add_resources());
  SetScalar("mem", mem, subscribe.mutable_info()->add_resources());
  subscribe.set_version("1.11.0");
  for (const auto capability : model::kAgentCapabilities) {
    subscribe.add_capabilities()->set_type(capability);
  }
  subscribe.set_resource_version_uuid("0123456789abcdef");
  subscribe.mutable_address()->set_hostname("agent-" + index);
  subscribe.mutable_address()->set_ip("agent-" + index);
  subscribe.mutable_address()->set_port(5051);
  return subscribe;
}

Subscriptions::Subscriptions(const ClusterShape& shape) {
  const std::string number(kNumber);
  const std::string agent_id = fmt::format("{}-S{}", kMaster, number);
  link::Calls calls;
  link::Call& call = *calls.add_calls();
  call.set_type(link::Call::SUBSCRIBE);
  link::Call::Subscribe& subscribe = *call.mutable_subscribe();
  subscribe = NewAgent(number, 20, 10240);
  subscribe.mutable_info()->mutable_id()->set_value(agent_id);

  for (int i = 0; i < shape.frameworks; ++i) *subscribe.add_frameworks() = FrameworkOf(i);
  for (int i = 0; i < shape.tasks_per_agent; ++i) {
    // Tasks of one framework are adjacent, because agents iterate over them that way.
    const v1::FrameworkInfo& framework =
        subscribe.frameworks(i * shape.frameworks / shape.tasks_per_agent);
    const std::string id = fmt::format("4c0a9b0e-3f1f-2c5a-{}-r{:08}", number, i);
    *subscribe.add_tasks() = TaskOf(shape, framework, agent_id, id, v1::TASK_RUNNING);
    if (!shape.detailed) continue;
    link::Call::Executor* executor = subscribe.add_executors();
    *executor->mutable_framework_id() = framework.id();
    executor->mutable_info()->mutable_executor_id()->set_value(id);
    executor->mutable_info()->mutable_command()->set_value("sleep 1000");
    executor->set_command_executor(true);
  }
  for (int i = 0; i < shape.history_frameworks && shape.completed_per_agent > 0; ++i) {
    *subscribe.add_completed_frameworks()->mutable_info() = HistoryFrameworkOf(i);
  }
  for (int i = 0; i < shape.completed_per_agent; ++i) {
    auto& completed = *subscribe.mutable_completed_frameworks(i % shape.history_frameworks);
    const std::string id = fmt::format("4c0a9b0e-3f1f-2c5a-{}-c{:08}", number, i);
    TaskOf(shape, completed.info(), agent_id, id, v1::TASK_FINISHED)
        .SerializeToString(completed.add_tasks());
  }

  calls.SerializeToString(&template_);
  for (size_t at = template_.find(kNumber); at != std::string::npos;
       at = template_.find(kNumber, at + kNumber.size())) {
    places_.push_back(at);
  }
}

void Subscriptions::Write(int agent, std::string* out) const {
  *out = template_;
  const std::string number = fmt::format("{:0{}}", agent, kNumber.size());
  for (const size_t at : places_) std::ranges::copy(number, out->begin() + static_cast<long>(at));
}

}  // namespace tepui::bench
