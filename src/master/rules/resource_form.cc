// SPDX-License-Identifier: Apache-2.0
#include "master/rules/resource_form.h"

#include <functional>

#include "resources/checkpointed.h"
#include "resources/old_form.h"

namespace tepui::master {

namespace {

using Operation = v1::Offer::Operation;

// Calls `list` for every list of resources in the operation and `one` for every single one. Missing
// parts stay missing, because validation reports them.
void VisitResources(Operation* operation, const std::function<void(ResourceList*)>& list,
                    const std::function<void(v1::Resource*)>& one) {
  if (operation->has_reserve()) {
    list(operation->mutable_reserve()->mutable_source());
    list(operation->mutable_reserve()->mutable_resources());
  }
  if (operation->has_unreserve()) list(operation->mutable_unreserve()->mutable_resources());
  if (operation->has_create()) list(operation->mutable_create()->mutable_volumes());
  if (operation->has_destroy()) list(operation->mutable_destroy()->mutable_volumes());
  if (operation->has_grow_volume()) {
    one(operation->mutable_grow_volume()->mutable_volume());
    one(operation->mutable_grow_volume()->mutable_addition());
  }
  if (operation->has_shrink_volume()) one(operation->mutable_shrink_volume()->mutable_volume());
  if (operation->has_create_disk()) one(operation->mutable_create_disk()->mutable_source());
  if (operation->has_destroy_disk()) one(operation->mutable_destroy_disk()->mutable_source());
}

void Allocate(v1::Resource* resource, const std::string& role) {
  if (!resource->has_allocation_info()) resource->mutable_allocation_info()->set_role(role);
}

}  // namespace

Status Normalize(ResourceList* resources, const std::string& role) {
  bool old_form = false;
  for (v1::Resource& resource : *resources) {
    Allocate(&resource, role);
    old_form = old_form || HasOldRole(resource) || resource.has_reservation();
  }
  if (!old_form) return {};
  Result<Resources> parsed = Resources::FromProto(*resources);
  if (!parsed) return Fail(parsed.error());
  resources->Clear();
  parsed->ToProto(resources);
  return {};
}

Status Normalize(Operation* operation, const std::string& role) {
  Status status;
  VisitResources(
      operation,
      [&](ResourceList* list) {
        if (status) status = Normalize(list, role);
      },
      // A volume must stay a single resource, so only its allocation is filled in; both reservation
      // forms can be read.
      [&](v1::Resource* resource) { Allocate(resource, role); });
  return status;
}

void ClearAllocation(ResourceList* resources) {
  for (v1::Resource& resource : *resources) resource.clear_allocation_info();
}

void ClearAllocation(Operation* operation) {
  VisitResources(
      operation, [](ResourceList* list) { ClearAllocation(list); },
      [](v1::Resource* resource) { resource->clear_allocation_info(); });
}

Result<Resources> TotalOf(const v1::AgentInfo& info, const ResourceList& checkpointed) {
  for (const ResourceList* list : {&info.resources(), &checkpointed}) {
    for (const v1::Resource& resource : *list) {
      // Only the allocator allocates resources. It could never get back what is allocated already.
      if (!resource.has_allocation_info()) continue;
      return Fail(Code::kInvalid,
                  "The agent's '{}' is allocated to role '{}'; the total resources of an agent "
                  "must not be allocated",
                  resource.name(), resource.allocation_info().role());
    }
  }
  const Result<Resources> flags = Resources::FromProto(info.resources());
  if (!flags) return flags;
  const Result<Resources> made = Resources::FromProto(checkpointed);
  if (!made) return made;

  return WithCheckpointed(*flags, *made);
}

}  // namespace tepui::master
