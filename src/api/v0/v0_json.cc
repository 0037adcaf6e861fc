// SPDX-License-Identifier: Apache-2.0
#include "api/v0/v0_json.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/build_time.h"
#include "base/version.h"
#include "model/roles.h"

namespace tepui::api {

namespace {

constexpr std::array<std::string_view, 4> kAlwaysShown = {"cpus", "gpus", "mem", "disk"};

// Clears what every v1::Secret in `message` has as its value.
void ClearSecrets(google::protobuf::Message* message) {
  if (message->GetDescriptor() == v1::Secret::descriptor()) {
    static_cast<v1::Secret*>(message)->clear_value();
    return;
  }
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      ClearSecrets(reflection.MutableMessage(message, field));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
      ClearSecrets(reflection.MutableRepeatedMessage(message, field, i));
    }
  }
}

template <class T>
T WithoutSecrets(T message) {
  ClearSecrets(&message);
  return message;
}

// A variable of type SECRET has an empty value, as in Mesos.
void WriteEnvironment(const v1::Environment& environment, web::JsonWriter* writer) {
  writer->BeginObject();
  writer->Key("variables");
  writer->BeginArray();
  for (const v1::Environment::Variable& variable : environment.variables()) {
    writer->BeginObject();
    writer->Field("name", variable.name());
    writer->Field("value", variable.value());
    writer->EndObject();
  }
  writer->EndArray();
  writer->EndObject();
}

void WriteCommand(const v1::CommandInfo& command, web::JsonWriter* writer) {
  writer->BeginObject();
  if (command.has_shell()) writer->Field("shell", command.shell());
  if (command.has_value()) writer->Field("value", command.value());
  writer->Key("argv");
  writer->BeginArray();
  for (const std::string& argument : command.arguments()) writer->String(argument);
  writer->EndArray();
  if (command.has_environment()) {
    writer->Key("environment");
    WriteEnvironment(command.environment(), writer);
  }
  writer->Key("uris");
  writer->BeginArray();
  for (const auto& uri : command.uris()) {
    writer->BeginObject();
    writer->Field("value", uri.value());
    writer->Field("executable", uri.executable());
    writer->EndObject();
  }
  writer->EndArray();
  writer->EndObject();
}

void WriteNetworkInfo(const v1::NetworkInfo& info, web::JsonWriter* writer) {
  writer->BeginObject();
  if (!info.groups().empty()) {
    writer->Key("groups");
    writer->BeginArray();
    for (const std::string& group : info.groups()) writer->String(group);
    writer->EndArray();
  }
  if (info.has_labels()) {
    writer->Key("labels");
    WriteLabels(info.labels(), writer);
  }
  const auto write_all = [writer](std::string_view key, const auto& messages) {
    if (messages.empty()) return;
    writer->Key(key);
    writer->BeginArray();
    for (const auto& message : messages) writer->Proto(message);
    writer->EndArray();
  };
  write_all("ip_addresses", info.ip_addresses());
  if (info.has_name()) writer->Field("name", info.name());
  write_all("port_mappings", info.port_mappings());
  writer->EndObject();
}

void WriteContainerStatus(const v1::ContainerStatus& status, web::JsonWriter* writer) {
  writer->BeginObject();
  if (status.has_container_id()) writer->Field("container_id", status.container_id());
  if (!status.network_infos().empty()) {
    writer->Key("network_infos");
    writer->BeginArray();
    for (const auto& info : status.network_infos()) WriteNetworkInfo(info, writer);
    writer->EndArray();
  }
  if (status.has_cgroup_info()) writer->Field("cgroup_info", status.cgroup_info());
  writer->EndObject();
}

void WriteStatus(const v1::TaskStatus& status, web::JsonWriter* writer) {
  writer->BeginObject();
  writer->Field("state", v1::TaskState_Name(status.state()));
  writer->Field("timestamp", status.timestamp());
  if (status.has_labels()) {
    writer->Key("labels");
    WriteLabels(status.labels(), writer);
  }
  if (status.has_container_status()) {
    writer->Key("container_status");
    WriteContainerStatus(status.container_status(), writer);
  }
  if (status.has_healthy()) writer->Field("healthy", status.healthy());
  writer->EndObject();
}

std::string SetText(const v1::Value::Set& set) {
  std::string text = "{";
  for (const std::string& item : set.item()) {
    if (text.size() > 1) text += ", ";
    text += item;
  }
  return text + "}";
}

std::string RangesText(const v1::Value::Ranges& ranges) {
  std::string text = "[";
  for (const auto& range : ranges.range()) {
    if (text.size() > 1) text += ", ";
    fmt::format_to(std::back_inserter(text), "{}-{}", range.begin(), range.end());
  }
  return text + "]";
}

// Sums of one kind by their shown name. There are few names, so a vector holds them.
template <class T>
T& Slot(std::vector<std::pair<std::string, T>>* slots, std::string_view name) {
  const auto it = std::ranges::find(*slots, name,
                                    [](const auto& slot) { return std::string_view(slot.first); });
  if (it != slots->end()) return it->second;
  return slots->emplace_back(std::string(name), T()).second;
}

// Sorts and coalesces, because the sum of several resources is shown so.
void Coalesce(v1::Value::Ranges* ranges) {
  auto* all = ranges->mutable_range();
  std::sort(all->begin(), all->end(),
            [](const auto& a, const auto& b) { return a.begin() < b.begin(); });
  int kept = 0;
  for (int i = 1; i < all->size(); ++i) {
    auto* last = all->Mutable(kept);
    if (all->Get(i).begin() <= last->end() || all->Get(i).begin() == last->end() + 1) {
      last->set_end(std::max(last->end(), all->Get(i).end()));
    } else {
      ++kept;
      if (kept != i) all->SwapElements(kept, i);
    }
  }
  if (!all->empty()) all->DeleteSubrange(kept + 1, all->size() - kept - 1);
}

}  // namespace

void WriteResources(const ProtoResources& resources, web::JsonWriter* writer) {
  std::array<double, kAlwaysShown.size()> known{};
  std::vector<std::pair<std::string, double>> scalars;
  std::vector<std::pair<std::string, v1::Value::Ranges>> ranges;
  std::vector<std::pair<std::string, v1::Value::Set>> sets;

  std::string revocable_name;
  for (const v1::Resource& resource : resources) {
    std::string_view name = resource.name();
    if (resource.has_revocable()) {
      revocable_name = resource.name() + "_revocable";
      name = revocable_name;
    }
    switch (resource.type()) {
      case v1::Value::SCALAR: {
        const auto it = std::ranges::find(kAlwaysShown, name);
        double& sum = it != kAlwaysShown.end()
                          ? known[static_cast<size_t>(it - kAlwaysShown.begin())]
                          : Slot(&scalars, name);
        sum += resource.scalar().value();
        break;
      }
      case v1::Value::RANGES:
        Slot(&ranges, name).MergeFrom(resource.ranges());
        break;
      case v1::Value::SET:
        Slot(&sets, name).MergeFrom(resource.set());
        break;
      case v1::Value::TEXT:
        break;
    }
  }

  writer->BeginObject();
  // Sums are exact in thousandths; this removes the rounding errors of adding doubles.
  const auto exact = [](double value) { return Amount::FromDouble(value).ToDouble(); };
  for (size_t i = 0; i < known.size(); ++i) writer->Field(kAlwaysShown[i], exact(known[i]));
  for (const auto& [name, sum] : scalars) writer->Field(name, exact(sum));
  for (auto& [name, sum] : ranges) {
    Coalesce(&sum);
    writer->Field(name, RangesText(sum));
  }
  for (const auto& [name, sum] : sets) writer->Field(name, SetText(sum));
  writer->EndObject();
}

void WriteResources(const Resources& resources, web::JsonWriter* writer) {
  ProtoResources messages;
  resources.ToProto(&messages);
  WriteResources(messages, writer);
}

namespace {

std::map<std::string, ProtoResources> ReservedByRole(const Resources& resources,
                                                     Resources::Format format) {
  // The role is read from the refined form, because the shown form may have it in the deprecated
  // fields.
  ProtoResources refined, shown;
  const Resources reserved = resources.Reserved();
  reserved.ToProto(&refined);
  reserved.ToProto(&shown, format);
  std::map<std::string, ProtoResources> by_role;
  for (int i = 0; i < refined.size(); ++i) {
    const auto& stack = refined.Get(i).reservations();
    *by_role[stack.Get(stack.size() - 1).role()].Add() = shown.Get(i);
  }
  return by_role;
}

}  // namespace

void WriteReserved(const Resources& resources, web::JsonWriter* writer) {
  writer->BeginObject();
  for (const auto& [role, reserved] :
       ReservedByRole(resources, Resources::Format::kPostReservationRefinement)) {
    writer->Key(role);
    WriteResources(reserved, writer);
  }
  writer->EndObject();
}

void WriteFullResources(const Resources& resources, web::JsonWriter* writer) {
  ProtoResources messages;
  resources.ToProto(&messages, Resources::Format::kEndpoint);
  writer->BeginArray();
  for (const auto& message : messages) writer->Proto(message);
  writer->EndArray();
}

void WriteFullReserved(const Resources& resources, web::JsonWriter* writer) {
  writer->BeginObject();
  for (const auto& [role, reserved] : ReservedByRole(resources, Resources::Format::kEndpoint)) {
    writer->Key(role);
    writer->BeginArray();
    for (const auto& message : reserved) writer->Proto(message);
    writer->EndArray();
  }
  writer->EndObject();
}

void WriteAttributes(const google::protobuf::RepeatedPtrField<v1::Attribute>& attributes,
                     web::JsonWriter* writer) {
  writer->BeginObject();
  for (const v1::Attribute& attribute : attributes) {
    switch (attribute.type()) {
      case v1::Value::SCALAR:
        writer->Field(attribute.name(), attribute.scalar().value());
        break;
      case v1::Value::RANGES:
        writer->Field(attribute.name(), RangesText(attribute.ranges()));
        break;
      case v1::Value::SET:
        writer->Field(attribute.name(), SetText(attribute.set()));
        break;
      case v1::Value::TEXT:
        writer->Field(attribute.name(), attribute.text().value());
        break;
    }
  }
  writer->EndObject();
}

std::string_view AllocationRole(const ProtoResources& resources) {
  return resources.empty() ? std::string_view() : resources.Get(0).allocation_info().role();
}

void WriteTask(const v1::Task& task, web::JsonWriter* writer) {
  writer->BeginObject();
  writer->Field("id", task.task_id().value());
  writer->Field("name", task.name());
  writer->Field("framework_id", task.framework_id().value());
  writer->Field("executor_id", task.executor_id().value());
  writer->Field("slave_id", task.agent_id().value());
  writer->Field("state", v1::TaskState_Name(task.state()));
  writer->Key("resources");
  WriteResources(task.resources(), writer);
  if (!task.limits().empty()) {
    writer->Key("limits");
    writer->BeginObject();
    for (const auto& [name, value] : task.limits()) {
      writer->Key(name);
      // JSON has no infinity; the v1 JSON writes it as this string too.
      if (std::isinf(value.value())) {
        writer->String("Infinity");
      } else {
        writer->Double(value.value());
      }
    }
    writer->EndObject();
  }
  writer->Field("role", AllocationRole(task.resources()));
  writer->Key("statuses");
  writer->BeginArray();
  for (const auto& status : task.statuses()) WriteStatus(status, writer);
  writer->EndArray();
  if (task.has_user()) writer->Field("user", task.user());
  if (task.has_labels()) {
    writer->Key("labels");
    WriteLabels(task.labels(), writer);
  }
  if (task.has_discovery()) writer->Field("discovery", task.discovery());
  if (task.has_container()) writer->Field("container", WithoutSecrets(task.container()));
  if (task.has_health_check()) {
    writer->Field("health_check", WithoutSecrets(task.health_check()));
  }
  writer->EndObject();
}

void WriteQueuedTask(const v1::TaskInfo& task, std::string_view framework_id,
                     web::JsonWriter* writer) {
  writer->BeginObject();
  writer->Field("id", task.task_id().value());
  writer->Field("name", task.name());
  writer->Field("framework_id", framework_id);
  writer->Field("executor_id", task.executor().executor_id().value());
  writer->Field("slave_id", task.agent_id().value());
  writer->Field("state", v1::TaskState_Name(v1::TASK_STAGING));
  writer->Key("resources");
  WriteResources(task.resources(), writer);
  writer->Field("role", AllocationRole(task.resources()));
  writer->Key("statuses");
  writer->BeginArray();
  writer->EndArray();
  writer->EndObject();
}

void WriteExecutorFields(const v1::ExecutorInfo& executor, web::JsonWriter* writer) {
  writer->Field("executor_id", executor.executor_id().value());
  writer->Field("name", executor.name());
  writer->Field("framework_id", executor.framework_id().value());
  writer->Key("command");
  WriteCommand(executor.command(), writer);
  writer->Key("resources");
  WriteResources(executor.resources(), writer);
  if (!executor.resources().empty()) writer->Field("role", AllocationRole(executor.resources()));
  if (executor.has_labels()) {
    writer->Key("labels");
    WriteLabels(executor.labels(), writer);
  }
  if (executor.has_type()) writer->Field("type", v1::ExecutorInfo::Type_Name(executor.type()));
}

void WriteLabels(const v1::Labels& labels, web::JsonWriter* writer) {
  writer->BeginArray();
  // Written without the generic writer: labels are the larger part of a large state.
  for (const v1::Label& label : labels.labels()) {
    writer->BeginObject();
    writer->Field("key", label.key());
    if (label.has_value()) writer->Field("value", label.value());
    writer->EndObject();
  }
  writer->EndArray();
}

void WriteAgentCapabilities(const std::vector<v1::AgentInfo::Capability::Type>& capabilities,
                            web::JsonWriter* writer) {
  writer->BeginArray();
  for (const auto type : capabilities) writer->String(v1::AgentInfo::Capability::Type_Name(type));
  writer->EndArray();
}

void WriteFrameworkRoles(const v1::FrameworkInfo& info, web::JsonWriter* writer) {
  if (!model::IsMultiRole(info)) {
    writer->Field("role", info.role());
    return;
  }
  writer->Key("roles");
  writer->BeginArray();
  for (const std::string& role : info.roles()) writer->String(role);
  writer->EndArray();
}

void WriteFlags(const std::vector<std::pair<std::string, std::string>>& flags,
                web::JsonWriter* writer) {
  writer->BeginObject();
  for (const auto& [name, value] : flags) writer->Field(name, value);
  writer->EndObject();
}

void WriteBuild(web::JsonWriter* writer) {
  // Frameworks compare `version` with the Mesos versions they know.
  writer->Field("version", kMesosVersion);
  writer->Field("tepui_version", kVersion);
  writer->Field("build_date", BuildDate());
  writer->Field("build_time", static_cast<double>(BuildTime()));
  writer->Field("build_user", "tepui");
}

}  // namespace tepui::api
