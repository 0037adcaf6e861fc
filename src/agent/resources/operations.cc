// SPDX-License-Identifier: Apache-2.0
#include "agent/resources/operations.h"

#include <algorithm>
#include <map>
#include <utility>

#include "agent/services/paths.h"
#include "base/log.h"
#include "base/planted_fault.h"
#include "resources/checkpointed.h"

namespace tepui::agent {

namespace {

using ResourceList = google::protobuf::RepeatedPtrField<v1::Resource>;

// True if the resource is not part of the agent's flags, so that a new master can learn it only
// from the agent.
bool MadeByOperation(const v1::Resource& resource) {
  if (resource.disk().has_persistence() || resource.has_reservation()) return true;
  const int size = resource.reservations_size();
  return size > 0 &&
         resource.reservations(size - 1).type() == v1::Resource::ReservationInfo::DYNAMIC;
}

void Unallocate(ResourceList* resources) {
  for (v1::Resource& resource : *resources) resource.clear_allocation_info();
}

// The agent's total has no allocation, while the operation has that of the offer it was made from.
v1::Offer::Operation WithoutAllocation(v1::Offer::Operation operation) {
  switch (operation.type()) {
    case v1::Offer::Operation::RESERVE:
      Unallocate(operation.mutable_reserve()->mutable_resources());
      Unallocate(operation.mutable_reserve()->mutable_source());
      break;
    case v1::Offer::Operation::UNRESERVE:
      Unallocate(operation.mutable_unreserve()->mutable_resources());
      break;
    case v1::Offer::Operation::CREATE:
      Unallocate(operation.mutable_create()->mutable_volumes());
      break;
    case v1::Offer::Operation::DESTROY:
      Unallocate(operation.mutable_destroy()->mutable_volumes());
      break;
    case v1::Offer::Operation::GROW_VOLUME:
      operation.mutable_grow_volume()->mutable_volume()->clear_allocation_info();
      operation.mutable_grow_volume()->mutable_addition()->clear_allocation_info();
      break;
    case v1::Offer::Operation::SHRINK_VOLUME:
      operation.mutable_shrink_volume()->mutable_volume()->clear_allocation_info();
      break;
    default:
      break;
  }
  return operation;
}

v1::OperationStatus MakeStatus(v1::OperationState state, const AgentId& agent) {
  v1::OperationStatus status;
  status.set_state(state);
  status.mutable_agent_id()->set_value(agent.value());
  return status;
}

}  // namespace

Operations::Operations(const Services& services, Forward forward, std::function<void()> diverged)
    : services_(services),
      forward_(std::move(forward)),
      diverged_(std::move(diverged)),
      total_(Resources::FromProto(services.options.info.resources()).value_or(Resources())),
      version_(services.random.UuidBytes()),
      destroyed_(services) {}

Status Operations::Restore(const Saved& saved, bool give_up) {
  const Result<Resources> made = Resources::FromProto(saved.resources);
  if (!made) return Fail(made.error());
  if (Result<Resources> total = WithCheckpointed(total_, *made)) {
    total_ = std::move(*total);
  } else if (give_up) {
    total_ = GiveUpWhatDoesNotFit(*made);
    services_.checkpoint.SaveResources(Made(), nullptr, {});
  } else {
    return Fail(total.error());
  }
  for (const v1::Operation& operation : saved.operations) {
    auto record = std::make_unique<Record>(services_.clock);
    record->operation = operation;
    record->saved = true;
    records_[operation.uuid().value()] = std::move(record);
  }
  return {};
}

Resources Operations::GiveUpWhatDoesNotFit(const Resources& made) const {
  Resources total = total_;
  for (const Resource& resource : made) {
    if (Result<Resources> with = WithCheckpointed(total, {resource})) {
      total = std::move(*with);
      continue;
    }
    spdlog::error("Gave up {}, which is no part of the agent's resources any more{}",
                  resource.ToString(),
                  resource.is_persistent_volume() ? "; the volume's data stays where it is" : "");
  }
  return total;
}

void Operations::ResumeDestroying(const Saved& saved) {
  // saved.resources include volumes that Restore has dropped; their data stays where it is.
  destroyed_.Restore(saved.destroyed_volumes,
                     [&](const std::string& path) { return IsVolume(saved.resources, path); });
}

void Operations::Apply(const link::Event::ApplyOperation& operation, const AgentId& agent) {
  if (records_.contains(operation.operation_uuid())) return;  // It was delivered twice.
  if (operation.has_resource_version_uuid() && operation.resource_version_uuid() != version_) {
    v1::OperationStatus status = MakeStatus(v1::OPERATION_DROPPED, agent);
    status.set_message("The operation assumes an outdated state of the agent's resources");
    return Finish(operation, std::move(status));
  }
  const Status done = Perform(WithoutAllocation(operation.info()));
  if (done) return FinishChange(operation, MakeStatus(v1::OPERATION_FINISHED, agent));

  spdlog::error("Operation {} failed: {}", v1::Offer::Operation::Type_Name(operation.info().type()),
                done.error().message);
  v1::OperationStatus status = MakeStatus(v1::OPERATION_FAILED, agent);
  status.set_message(done.error().message);
  version_ = services_.random.UuidBytes();
  Finish(operation, std::move(status));
  diverged_();
}

Status Operations::Perform(const v1::Offer::Operation& operation) {
  Result<Resources> after = total_.Apply(operation);
  if (!after) return Fail(after.error());
  if (operation.type() == v1::Offer::Operation::CREATE) {
    if (auto made = MakeVolumes(operation.create()); !made) return made;
  }
  total_ = std::move(*after);
  return {};
}

Status Operations::MakeVolumes(const v1::Offer::Operation::Create& create) {
  for (const v1::Resource& volume : create.volumes()) {
    const Result<std::string> path = VolumePath(services_.options.work_dir, volume);
    if (!path) return Fail(path.error());
    if (auto clean = destroyed_.CheckClean(*path); !clean) return clean;
    if (auto made = services_.disk.CreateDirectory({.path = *path}); !made) return made;
  }
  return {};
}

bool Operations::IsVolume(const ResourceList& resources, const std::string& path) const {
  return std::ranges::any_of(resources, [&](const v1::Resource& resource) {
    return resource.disk().has_persistence() &&
           VolumePath(services_.options.work_dir, resource) == path;
  });
}

std::vector<v1::Resource> Operations::Destroyed(
    const v1::Offer::Operation::Destroy& destroy) const {
  const ResourceList left = Made();
  std::map<std::string, v1::Resource> volumes;  // By path.
  for (const v1::Resource& volume : destroy.volumes()) {
    const Result<std::string> path = VolumePath(services_.options.work_dir, volume);
    // Several volumes may have the same path; the data is removed with the last of them.
    if (path && !IsVolume(left, *path)) volumes[*path] = volume;
  }
  std::vector<v1::Resource> destroyed;
  for (auto& [path, volume] : volumes) destroyed.push_back(std::move(volume));
  return destroyed;
}

void Operations::Finish(const link::Event::ApplyOperation& operation, v1::OperationStatus status) {
  if (const v1::Operation* kept = Keep(operation, status)) {
    services_.checkpoint.SaveOperation(*kept);
  }
  TellWhenSaved(operation, std::move(status));
}

void Operations::FinishChange(const link::Event::ApplyOperation& operation,
                              v1::OperationStatus status) {
  const v1::Operation* kept = Keep(operation, status);
  const auto destroyed = destroyed_.Add(Destroyed(operation.info().destroy()));
  services_.checkpoint.SaveResources(Made(), kept, destroyed);
  if (!destroyed.empty()) {
    services_.checkpoint.WhenSaved(
        lifetime_.Bind([this, destroyed] { destroyed_.Clear(destroyed); }));
  }
  // The outcome is sent after that, since others then rely on the place being free.
  TellWhenSaved(operation, std::move(status));
}

const v1::Operation* Operations::Keep(const link::Event::ApplyOperation& operation,
                                      v1::OperationStatus& status) {
  if (!operation.info().has_id()) return nullptr;
  *status.mutable_operation_id() = operation.info().id();
  status.mutable_uuid()->set_value(services_.random.UuidBytes());

  auto record = std::make_unique<Record>(services_.clock);
  v1::Operation& stored = record->operation;
  if (operation.has_framework_id()) *stored.mutable_framework_id() = operation.framework_id();
  *stored.mutable_agent_id() = status.agent_id();
  *stored.mutable_info() = operation.info();
  stored.mutable_uuid()->set_value(operation.operation_uuid());
  *stored.add_statuses() = status;
  *stored.mutable_latest_status() = status;
  return &(records_[operation.operation_uuid()] = std::move(record))->operation;
}

void Operations::TellWhenSaved(const link::Event::ApplyOperation& operation,
                               v1::OperationStatus status) {
  if (operation.info().has_id()) return SendWhenSaved(operation.operation_uuid());
  // This update is not acknowledged; if it gets lost, the next subscription lists the resources.
  link::Call::OperationUpdate update;
  if (operation.has_framework_id()) *update.mutable_framework_id() = operation.framework_id();
  update.set_operation_uuid(operation.operation_uuid());
  *update.mutable_latest_status() = status;
  *update.mutable_status() = std::move(status);
  if (TEPUI_PLANTED_FAULT("outcome-told-before-it-is-saved")) return forward_(std::move(update));
  services_.checkpoint.WhenSaved(lifetime_.Bind(
      [this, update = std::move(update)]() mutable { forward_(std::move(update)); }));
}

void Operations::SendWhenSaved(const std::string& uuid) {
  services_.checkpoint.WhenSaved(lifetime_.Bind([this, uuid] {
    const auto found = records_.find(uuid);
    if (found == records_.end()) return;
    found->second->saved = true;
    Send(*found->second);
  }));
}

void Operations::Send(Record& record) {
  if (paused_ || !record.saved) return;
  const v1::Operation& operation = record.operation;
  link::Call::OperationUpdate update;
  if (operation.has_framework_id()) *update.mutable_framework_id() = operation.framework_id();
  update.set_operation_uuid(operation.uuid().value());
  *update.mutable_status() = operation.latest_status();
  *update.mutable_latest_status() = operation.latest_status();
  forward_(std::move(update));
  record.retry.Set(record.backoff.Next(), [this, &record] { Send(record); });
}

void Operations::Acknowledge(const link::Event::OperationAcknowledgement& acknowledgement) {
  const auto found = records_.find(acknowledgement.operation_uuid());
  if (found != records_.end() &&
      found->second->operation.latest_status().uuid().value() == acknowledgement.status_uuid()) {
    records_.erase(found);
    services_.checkpoint.RemoveOperation(acknowledgement.operation_uuid());
  }
}

void Operations::Forget() {
  for (const auto& [uuid, record] : records_) services_.checkpoint.RemoveOperation(uuid);
  records_.clear();
}

void Operations::Reconcile(const link::Event::ReconcileOperations& asked, const AgentId& agent) {
  for (const std::string& uuid : asked.operation_uuids()) {
    link::Call::OperationUpdate update;
    update.set_operation_uuid(uuid);
    const auto found = records_.find(uuid);
    if (found != records_.end()) {
      if (!found->second->saved) continue;  // It is sent when it is saved.
      const v1::Operation& operation = found->second->operation;
      if (operation.has_framework_id()) *update.mutable_framework_id() = operation.framework_id();
      *update.mutable_status() = operation.latest_status();
    } else {
      *update.mutable_status() = MakeStatus(v1::OPERATION_DROPPED, agent);
    }
    forward_(std::move(update));
  }
}

void Operations::Pause() {
  paused_ = true;
  for (auto& [uuid, record] : records_) record->retry.Cancel();
}

void Operations::Resume() {
  paused_ = false;
  for (auto& [uuid, record] : records_) {
    record->backoff.Reset();
    Send(*record);
  }
}

google::protobuf::RepeatedPtrField<v1::Resource> Operations::Made() const {
  ResourceList all;
  total_.ToProto(&all);
  ResourceList made;
  for (v1::Resource& resource : all) {
    if (MadeByOperation(resource)) *made.Add() = std::move(resource);
  }
  return made;
}

void Operations::Describe(link::Call::Subscribe& subscribe) const {
  *subscribe.mutable_checkpointed_resources() = Made();
  subscribe.set_resource_version_uuid(version_);
  for (const auto& [uuid, record] : records_) *subscribe.add_operations() = record->operation;
}

bool Operations::Has(const ResourceList& resources) const {
  ResourceList made;
  for (const v1::Resource& resource : resources) {
    if (MadeByOperation(resource)) *made.Add() = resource;
  }
  if (made.empty()) return true;
  Unallocate(&made);
  const Result<Resources> parsed = Resources::FromProto(made);
  return parsed && total_.Contains(*parsed);
}

}  // namespace tepui::agent
