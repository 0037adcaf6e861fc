// SPDX-License-Identifier: Apache-2.0
#include "api/v0/agent_json.h"

#include "api/v0/v0_json.h"
#include "base/seconds.h"
#include "model/capabilities.h"

namespace tepui::api {

namespace {

// Command executors have no resources of their own; their task has.
std::string_view RoleOf(const agent::ExecutorState& executor) {
  if (!executor.info.resources().empty()) return AllocationRole(executor.info.resources());
  for (const auto* tasks : {&executor.launched, &executor.terminated, &executor.completed}) {
    if (!tasks->empty()) return AllocationRole(tasks->front().resources());
  }
  return executor.queued.empty() ? "" : AllocationRole(executor.queued.front().resources());
}

void WriteExecutor(const agent::ExecutorState& executor, const std::string& framework_id,
                   web::JsonWriter* writer) {
  writer->BeginObject();
  writer->Field("id", executor.info.executor_id().value());
  writer->Field("name", executor.info.name());
  writer->Field("source", executor.info.source());
  writer->Field("container", executor.container.value());
  writer->Field("directory", executor.directory);
  writer->Key("resources");
  WriteResources(executor.resources, writer);
  if (const std::string_view role = RoleOf(executor); !role.empty()) writer->Field("role", role);
  if (executor.info.has_labels()) {
    writer->Key("labels");
    WriteLabels(executor.info.labels(), writer);
  }
  if (executor.info.has_type())
    writer->Field("type", v1::ExecutorInfo::Type_Name(executor.info.type()));
  writer->Key("tasks");
  writer->BeginArray();
  for (const auto& task : executor.launched) WriteTask(task, writer);
  writer->EndArray();
  writer->Key("queued_tasks");
  writer->BeginArray();
  for (const auto& task : executor.queued) WriteQueuedTask(task, framework_id, writer);
  writer->EndArray();
  writer->Key("completed_tasks");
  writer->BeginArray();
  for (const auto* tasks : {&executor.completed, &executor.terminated}) {
    for (const auto& task : *tasks) WriteTask(task, writer);
  }
  writer->EndArray();
  writer->EndObject();
}

void WriteFramework(const agent::FrameworkState& framework, web::JsonWriter* writer) {
  const std::string& id = framework.info.id().value();
  writer->BeginObject();
  writer->Field("id", id);
  writer->Field("name", framework.info.name());
  writer->Field("user", framework.info.user());
  writer->Field("failover_timeout", framework.info.failover_timeout());
  writer->Field("checkpoint", framework.info.checkpoint());
  writer->Field("hostname", framework.info.hostname());
  if (framework.info.has_principal()) writer->Field("principal", framework.info.principal());
  WriteFrameworkRoles(framework.info, writer);
  writer->Key("executors");
  writer->BeginArray();
  for (const auto& executor : framework.executors) WriteExecutor(executor, id, writer);
  writer->EndArray();
  writer->Key("completed_executors");
  writer->BeginArray();
  for (const auto& executor : framework.completed_executors) WriteExecutor(executor, id, writer);
  writer->EndArray();
  writer->EndObject();
}

void WriteFrameworks(std::string_view key, const std::vector<agent::FrameworkState>& frameworks,
                     web::JsonWriter* writer) {
  writer->Key(key);
  writer->BeginArray();
  for (const auto& framework : frameworks) WriteFramework(framework, writer);
  writer->EndArray();
}

}  // namespace

std::string AgentStateJson(const agent::Options& options, const std::string& pid,
                           const std::vector<std::pair<std::string, std::string>>& flags,
                           const agent::AgentState& state) {
  std::string json;
  web::JsonWriter writer(&json);
  writer.BeginObject();
  WriteBuild(&writer);
  writer.Field("start_time", Seconds(state.started));
  writer.Field("id", state.id.value());
  writer.Field("pid", pid);
  writer.Field("hostname", options.info.hostname());
  writer.Key("capabilities");
  WriteAgentCapabilities({model::kAgentCapabilities.begin(), model::kAgentCapabilities.end()},
                         &writer);
  if (options.info.has_domain()) writer.Field("domain", options.info.domain());
  writer.Key("resources");
  WriteResources(state.total, &writer);
  writer.Key("reserved_resources");
  WriteReserved(state.total, &writer);
  writer.Key("unreserved_resources");
  WriteResources(state.total.Unreserved(), &writer);
  writer.Key("reserved_resources_full");
  WriteFullReserved(state.total, &writer);
  writer.Key("unreserved_resources_full");
  WriteFullResources(state.total.Unreserved(), &writer);
  writer.Key("reserved_resources_allocated");
  WriteReserved(state.allocated, &writer);
  writer.Key("unreserved_resources_allocated");
  WriteResources(state.allocated.Unreserved(), &writer);
  writer.Key("resource_providers");
  writer.BeginArray();  // There are none.
  writer.EndArray();
  writer.Key("attributes");
  WriteAttributes(options.info.attributes(), &writer);
  if (state.registered) writer.Field("master_hostname", state.master.hostname());
  writer.Key("flags");
  WriteFlags(flags, &writer);
  WriteFrameworks("frameworks", state.frameworks, &writer);
  WriteFrameworks("completed_frameworks", state.completed_frameworks, &writer);
  writer.EndObject();
  return json;
}

}  // namespace tepui::api
