// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/clock.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"
#include "web/json_writer.h"

namespace tepui::api {

// The v0 shapes that master and agent share (reference 1.7, 1.8, trap 3, trap 4).

using ProtoResources = google::protobuf::RepeatedPtrField<v1::Resource>;

// Always writes cpus, gpus, mem and disk, and others if present; revocable amounts as
// <name>_revocable; ranges and sets as text.
void WriteResources(const ProtoResources& resources, web::JsonWriter* writer);
void WriteResources(const Resources& resources, web::JsonWriter* writer);
// Writes the reserved resources as {role: resources}.
void WriteReserved(const Resources& resources, web::JsonWriter* writer);
// Writes the "..._full" form: whole objects, with the deprecated role beside the reservations where
// it can express the same.
void WriteFullResources(const Resources& resources, web::JsonWriter* writer);
void WriteFullReserved(const Resources& resources, web::JsonWriter* writer);

void WriteAttributes(const google::protobuf::RepeatedPtrField<v1::Attribute>& attributes,
                     web::JsonWriter* writer);
void WriteTask(const v1::Task& task, web::JsonWriter* writer);
// A task that has not reached its executor yet.
void WriteQueuedTask(const v1::TaskInfo& task, std::string_view framework_id,
                     web::JsonWriter* writer);
// Writes the fields of an executor into an object already begun.
void WriteExecutorFields(const v1::ExecutorInfo& executor, web::JsonWriter* writer);
void WriteLabels(const v1::Labels& labels, web::JsonWriter* writer);
void WriteAgentCapabilities(const std::vector<v1::AgentInfo::Capability::Type>& capabilities,
                            web::JsonWriter* writer);
// Writes role or roles, by the framework's capability.
void WriteFrameworkRoles(const v1::FrameworkInfo& info, web::JsonWriter* writer);
void WriteFlags(const std::vector<std::pair<std::string, std::string>>& flags,
                web::JsonWriter* writer);
// Writes version, build_date, build_time, build_user: the head of /state and /version.
void WriteBuild(web::JsonWriter* writer);
std::string_view AllocationRole(const ProtoResources& resources);

}  // namespace tepui::api
