// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "master/rules/resource_rules.h"
#include "master/rules/validation.h"
#include "model/capabilities.h"
#include "model/roles.h"
#include "resources/resource.h"

namespace tepui::master::validation {
namespace {

using Agent = v1::AgentInfo;
using Operation = v1::Offer::Operation;

// Feedback must come from the agent, so the agent must support it (reference 2.4).
Status ValidateOperationId(const Operation& operation, const OperationContext& context) {
  if (!operation.has_id()) return {};
  if (operation.type() == Operation::LAUNCH || operation.type() == Operation::LAUNCH_GROUP) {
    return Fail(Code::kInvalid, "It cannot have an id; its tasks report for themselves");
  }
  if (!model::HasCapability(context.agent_capabilities, Agent::Capability::RESOURCE_PROVIDER) ||
      !model::HasCapability(context.agent_capabilities,
                            Agent::Capability::AGENT_OPERATION_FEEDBACK)) {
    return Fail(Code::kInvalid,
                "It has an id, but the agent cannot report on operations (it lacks the capability "
                "RESOURCE_PROVIDER or AGENT_OPERATION_FEEDBACK)");
  }
  return ValidateId(operation.id().value(), "Its id");
}

// Checks that the agent supports what the reservations of a resource need.
Status ValidateAgentSupports(const Resource& resource, const OperationContext& context) {
  const bool hierarchical = resource.reservation_role().find('/') != std::string_view::npos;
  if (hierarchical &&
      !model::HasCapability(context.agent_capabilities, Agent::Capability::HIERARCHICAL_ROLE)) {
    return Fail(Code::kInvalid, "The agent does not support roles with '/', such as '{}'",
                resource.reservation_role());
  }
  if (resource.reservations().size() > 1 &&
      !model::HasCapability(context.agent_capabilities,
                            Agent::Capability::RESERVATION_REFINEMENT)) {
    return Fail(Code::kInvalid, "The agent does not support refined reservations");
  }
  return {};
}

// What a framework with a principal makes must carry that principal.
Status ValidatePrincipal(bool has_principal, const std::string& principal,
                         const OperationContext& context) {
  if (!context.principal) return {};
  if (!has_principal) {
    return Fail(Code::kInvalid, "It must carry the framework's principal, '{}'",
                *context.principal);
  }
  if (principal != *context.principal) {
    return Fail(Code::kInvalid, "It carries the principal '{}', but the framework's is '{}'",
                principal, *context.principal);
  }
  return {};
}

Result<Resources> ReadOperands(const ResourceField& field, std::string_view name) {
  Result<Resources> resources = ReadResources(field);
  if (resources && resources->empty()) {
    resources = Fail(Code::kInvalid, "'{}' has no resources", name);
  }
  if (!resources) return resources;
  if (Status valid = ValidateOneProvider(*resources); !valid) return Fail(valid.error());
  return resources;
}

Status ValidateReserved(const Resource& resource, const std::vector<std::string>& roles,
                        const OperationContext& context) {
  if (!resource.is_dynamically_reserved()) {
    return Fail(Code::kInvalid, "Its last reservation must be DYNAMIC");
  }
  if (Status valid = ValidateAgentSupports(resource, context); !valid) return valid;
  const auto& reservation = resource.reservations().back();
  if (Status valid =
          ValidatePrincipal(reservation.has_principal(), reservation.principal(), context);
      !valid) {
    return valid;
  }
  if (resource.allocation_role() != resource.reservation_role()) {
    return Fail(Code::kInvalid,
                "It is allocated to the role '{}' and cannot be reserved for another role",
                resource.allocation_role());
  }
  if (std::ranges::find(roles, resource.reservation_role()) == roles.end()) {
    return Fail(Code::kInvalid, "'{}' is not a role of the framework", resource.reservation_role());
  }
  return {};
}

Resources WithoutReservations(const Resources& resources) {
  Resources unreserved;
  for (const Resource& resource : resources) unreserved += resource.WithReservations({});
  return unreserved;
}

// Returns a resource whose stack of reservations can be compared with another's.
Resource WithStackOf(const Resource& resource) {
  const std::span<const Resource::ReservationInfo> stack = resource.reservations();
  return Resource(ResourceNames::Cpus(), Amount::FromMilli(1000))
      .WithReservations({stack.begin(), stack.end()});
}

Status ValidateSameReservations(const Resources& resources, std::string_view name) {
  const Resource first = WithStackOf(*resources.begin());
  for (const Resource& resource : resources) {
    if (WithStackOf(resource) == first) continue;
    return Fail(Code::kInvalid, "The resources of '{}' have different reservations", name);
  }
  return {};
}

// Checks a RESERVE with `source`, which changes the reservations of resources that have some.
Status ValidateReReservation(const ResourceField& source_field, const Resources& target) {
  Result<Resources> source = ReadOperands(source_field, "source");
  if (!source) return Fail(source.error());
  if (Status valid = ValidateSameReservations(*source, "source"); !valid) return valid;
  if (Status valid = ValidateSameReservations(target, "resources"); !valid) return valid;
  const Resources from = WithoutReservations(*source);
  const Resources to = WithoutReservations(target);
  if (from == to) return {};
  return Fail(Code::kInvalid, "'source' and 'resources' are not the same resources: {} and {}",
              from.ToString(), to.ToString());
}

Status ValidateReserve(const Operation::Reserve& reserve, const OperationContext& context) {
  const Result<Resources> resources = ReadOperands(reserve.resources(), "resources");
  if (!resources) return Fail(resources.error());
  if (Status valid = ValidateOneAllocationRole(*resources); !valid) return valid;
  const std::vector<std::string> roles = model::RolesOf(context.framework);
  for (const Resource& resource : *resources) {
    if (Status valid = ValidateReserved(resource, roles, context); !valid) {
      return Within(resource.ToString(), std::move(valid));
    }
  }
  if (reserve.source().empty()) return {};
  return ValidateReReservation(reserve.source(), *resources);
}

Status ValidateUnreserve(const Operation::Unreserve& unreserve) {
  const Result<Resources> resources = ReadOperands(unreserve.resources(), "resources");
  if (!resources) return Fail(resources.error());
  for (const Resource& resource : *resources) {
    if (!resource.is_dynamically_reserved()) {
      return Fail(Code::kInvalid, "'{}' is not reserved dynamically", resource.ToString());
    }
    if (resource.is_persistent_volume()) {
      return Fail(Code::kInvalid,
                  "'{}' is a persistent volume: destroy it before unreserving its disk",
                  resource.ToString());
    }
  }
  return {};
}

Status ValidatePersistentVolume(const v1::Resource& resource) {
  if (!resource.disk().has_persistence()) {
    return Fail(Code::kInvalid, "'{}' is not a persistent volume ('disk.persistence' is missing)",
                resource.name());
  }
  if (resource.disk().volume().mode() == v1::Volume::RO) {
    return Fail(Code::kInvalid, "A persistent volume cannot be read-only");
  }
  return {};
}

Result<Resources> ReadVolumes(const ResourceField& field) {
  Result<Resources> volumes = ReadOperands(field, "volumes");
  if (!volumes) return volumes;
  for (const v1::Resource& volume : field) {
    if (Status valid = ValidatePersistentVolume(volume); !valid) return Fail(valid.error());
  }
  return volumes;
}

Status ValidateCreate(const Operation::Create& create, const OperationContext& context) {
  const Result<Resources> volumes = ReadVolumes(create.volumes());
  if (!volumes) return Fail(volumes.error());
  if (Status valid = ValidateOneAllocationRole(*volumes); !valid) return valid;
  if (Status valid = ValidateDistinctVolumes(context.agent_total, *volumes); !valid) return valid;
  const bool may_share =
      model::HasCapability(context.framework, v1::FrameworkInfo::Capability::SHARED_RESOURCES);
  for (const Resource& volume : *volumes) {
    Status valid = ValidateAgentSupports(volume, context);
    if (valid && volume.is_shared() && (!may_share || volume.shared_count() > 1)) {
      valid = may_share
                  ? Fail(Code::kInvalid, "It appears twice in the operation")
                  : Fail(Code::kInvalid,
                         "It is shared, but the framework lacks the capability SHARED_RESOURCES");
    }
    if (valid) {
      const auto& persistence = volume.disk()->persistence();
      valid = ValidatePrincipal(persistence.has_principal(), persistence.principal(), context);
    }
    if (!valid) {
      return Within(fmt::format("Volume '{}'", volume.persistence_id()), std::move(valid));
    }
  }
  return {};
}

Status ValidateDestroy(const Operation::Destroy& destroy, const OperationContext& context) {
  Result<Resources> volumes = ReadVolumes(destroy.volumes());
  if (!volumes) return Fail(volumes.error());
  // The allocation is removed, because the same volume may be allocated to different roles.
  volumes->Unallocate();
  Resources used = context.used_volumes;
  used.Unallocate();
  Resources total = context.agent_total;
  total.Unallocate();
  for (const Resource& volume : *volumes) {
    if (!total.Contains(volume)) {
      return Fail(Code::kInvalid, "The agent has no persistent volume '{}'", volume.ToString());
    }
    if (used.Contains(volume)) {
      return Fail(Code::kInvalid, "The persistent volume '{}' is in use", volume.persistence_id());
    }
  }
  return {};
}

// Reads the volume of a GROW_VOLUME or SHRINK_VOLUME.
Result<Resource> ReadResizedVolume(const v1::Resource& message, const OperationContext& context) {
  ResourceField field;
  *field.Add() = message;
  const Result<Resources> volumes = ReadVolumes(field);
  if (!volumes) return Fail(volumes.error());
  const Resource& volume = *volumes->begin();
  if (!volume.provider_id().empty()) {
    return Fail(Code::kInvalid, "A volume of a resource provider cannot be resized");
  }
  if (volume.is_shared()) return Fail(Code::kInvalid, "A shared volume cannot be resized");
  if (!model::HasCapability(context.agent_capabilities, Agent::Capability::RESIZE_VOLUME)) {
    return Fail(Code::kInvalid, "The agent cannot resize volumes");
  }
  return volume;
}

Status ValidateGrow(const Operation::GrowVolume& grow, const OperationContext& context) {
  const Result<Resource> volume = ReadResizedVolume(grow.volume(), context);
  if (!volume) return Fail(volume.error());
  const Result<Resource> addition = Resource::FromProto(grow.addition());
  if (!addition) return Within("'addition'", Fail(addition.error()));
  if (addition->empty()) return Fail(Code::kInvalid, "'addition' must not be empty");

  // The volume and the addition must add up to one disk, which fails for disks that are used only
  // whole.
  Resources sum;
  sum += volume->WithoutVolume();
  sum += *addition;
  if (sum.size() == 1) return {};
  return Fail(Code::kInvalid, "'{}' cannot be added to the volume '{}'", addition->ToString(),
              volume->ToString());
}

Status ValidateShrink(const Operation::ShrinkVolume& shrink, const OperationContext& context) {
  const Result<Resource> volume = ReadResizedVolume(shrink.volume(), context);
  if (!volume) return Fail(volume.error());
  const Resource::DiskInfo::Source* source = volume->disk_source();
  if (source != nullptr && source->type() == Resource::DiskInfo::Source::MOUNT) {
    return Fail(Code::kInvalid, "A volume on a MOUNT disk takes all of it and cannot be shrunk");
  }
  const double size = volume->scalar().ToDouble();
  const double subtract = shrink.subtract().value();
  // Written so that a NaN is refused.
  if (!(subtract < size) || Amount::FromDouble(subtract) <= Amount() ||
      Amount::FromDouble(subtract) >= volume->scalar()) {
    return Fail(Code::kInvalid,
                "'subtract' is {}; it must be above zero and below the volume's size of {}",
                subtract, size);
  }
  return {};
}

Status ValidateMeaning(const Operation& operation, const OperationContext& context) {
  const auto missing = [&](std::string_view part) -> Status {
    return Fail(Code::kInvalid, "It needs '{}'", part);
  };
  switch (operation.type()) {
    case Operation::LAUNCH:
      return operation.has_launch() ? Status() : missing("launch");
    case Operation::LAUNCH_GROUP:
      return operation.has_launch_group() ? Status() : missing("launch_group");
    case Operation::RESERVE:
      return operation.has_reserve() ? ValidateReserve(operation.reserve(), context)
                                     : missing("reserve");
    case Operation::UNRESERVE:
      return operation.has_unreserve() ? ValidateUnreserve(operation.unreserve())
                                       : missing("unreserve");
    case Operation::CREATE:
      return operation.has_create() ? ValidateCreate(operation.create(), context)
                                    : missing("create");
    case Operation::DESTROY:
      return operation.has_destroy() ? ValidateDestroy(operation.destroy(), context)
                                     : missing("destroy");
    case Operation::GROW_VOLUME:
      return operation.has_grow_volume() ? ValidateGrow(operation.grow_volume(), context)
                                         : missing("grow_volume");
    case Operation::SHRINK_VOLUME:
      return operation.has_shrink_volume() ? ValidateShrink(operation.shrink_volume(), context)
                                           : missing("shrink_volume");
    case Operation::CREATE_DISK:
    case Operation::DESTROY_DISK:
      return Fail(Code::kInvalid, "It needs a resource provider, and no agent has one");
    case Operation::UNKNOWN:
      break;
  }
  return Fail(Code::kInvalid, "It has no type, or an unknown one");
}

Status ValidateInFull(const Operation& operation, const OperationContext& context) {
  if (Status valid = ValidateMeaning(operation, context); !valid) return valid;
  if (Status valid = ValidateOperationId(operation, context); !valid) return valid;
  if (operation.type() == Operation::LAUNCH || operation.type() == Operation::LAUNCH_GROUP) {
    return {};
  }
  const Result<Resources> applied = context.offered.Apply(operation);
  return applied ? Status() : Fail(applied.error());
}

}  // namespace

Status ValidateOperation(const Operation& operation, const OperationContext& context) {
  return Within(fmt::format("Operation {}", Operation::Type_Name(operation.type())),
                ValidateInFull(operation, context));
}

}  // namespace tepui::master::validation
