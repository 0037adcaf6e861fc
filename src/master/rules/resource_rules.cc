// SPDX-License-Identifier: Apache-2.0
#include "master/rules/resource_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "master/rules/validation.h"
#include "resources/resource.h"

namespace tepui::master::validation {
namespace {

Status ValidateVolume(const v1::Resource& resource) {
  const v1::Resource::DiskInfo& disk = resource.disk();
  if (resource.has_revocable()) {
    return Fail(Code::kInvalid, "A persistent volume cannot be made of revocable resources");
  }
  if (resource.reservations().empty()) {
    return Fail(Code::kInvalid, "A persistent volume cannot be made of unreserved resources");
  }
  if (!disk.has_volume()) {
    return Fail(Code::kInvalid, "A persistent volume needs 'disk.volume' with its container path");
  }
  if (disk.volume().has_host_path()) {
    return Fail(Code::kInvalid, "A persistent volume must not have a 'host_path'");
  }
  return ValidateId(disk.persistence().id(), "The id of a persistent volume");
}

Status ValidateDisk(const v1::Resource& resource) {
  if (!resource.has_disk()) return {};
  if (resource.disk().has_persistence()) return ValidateVolume(resource);
  if (resource.disk().has_volume()) {
    return Fail(Code::kInvalid, "A disk has a 'volume' without 'persistence'");
  }
  if (!resource.disk().has_source()) return Fail(Code::kInvalid, "A 'disk' is set but empty");
  return {};
}

Status ValidateReservation(const v1::Resource& resource) {
  if (resource.reservations().empty() || !resource.has_revocable()) return {};
  if (resource.reservations().rbegin()->type() != v1::Resource::ReservationInfo::DYNAMIC) return {};
  return Fail(Code::kInvalid, "Revocable {} cannot be reserved dynamically", resource.name());
}

}  // namespace

Status Within(std::string_view what, Status status) {
  if (status) return status;
  return Fail(status.error().code, "{}: {}", what, status.error().message);
}

Result<Resources> ReadResources(const ResourceField& resources) {
  for (const v1::Resource& resource : resources) {
    if (Status valid = ValidateDisk(resource); !valid) return Fail(valid.error());
    if (Status valid = ValidateReservation(resource); !valid) return Fail(valid.error());
  }
  return Resources::FromProto(resources);
}

Status ValidateDistinctVolumes(const Resources& resources, const Resources& also) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Resources* part : {&resources, &also}) {
    for (const Resource& resource : *part) {
      if (!resource.is_persistent_volume()) continue;
      if (!seen.emplace(resource.reservation_role(), resource.persistence_id()).second) {
        return Fail(Code::kInvalid, "The persistent volume id '{}' is used twice in role '{}'",
                    resource.persistence_id(), resource.reservation_role());
      }
    }
  }
  return {};
}

Status ValidateOneAllocationRole(const Resources& resources) {
  const Resource* first = nullptr;
  for (const Resource& resource : resources) {
    if (!resource.is_allocated()) {
      return Fail(Code::kInvalid, "'{}' is not allocated to a role", resource.ToString());
    }
    if (first == nullptr) first = &resource;
    if (resource.allocation_role() != first->allocation_role()) {
      return Fail(Code::kInvalid, "The resources are allocated to two roles, '{}' and '{}'",
                  first->allocation_role(), resource.allocation_role());
    }
  }
  return {};
}

Status ValidateNotMixedRevocable(const Resources& resources) {
  std::map<ResourceName, bool> revocable;
  for (const Resource& resource : resources) {
    const auto [found, added] = revocable.emplace(resource.name(), resource.is_revocable());
    if (found->second != resource.is_revocable()) {
      return Fail(Code::kInvalid, "Revocable and other {} cannot be used together",
                  resource.name().text());
    }
  }
  return {};
}

Status ValidateDisjoint(std::span<const Resources> parts) {
  // By name. Each has the number of its part, since repetitions inside one part were summed before.
  std::vector<std::tuple<ResourceName, Range, size_t>> ranges;
  std::vector<std::tuple<ResourceName, std::string_view, size_t>> items;
  for (size_t part = 0; part < parts.size(); ++part) {
    for (const Resource& resource : parts[part]) {
      for (const Range& range : resource.ranges())
        ranges.emplace_back(resource.name(), range, part);
      for (const std::string& item : resource.items())
        items.emplace_back(resource.name(), item, part);
    }
  }

  std::ranges::sort(ranges);
  for (size_t i = 1; i < ranges.size(); ++i) {
    const auto& [name, range, part] = ranges[i];
    const auto& [previous_name, previous, previous_part] = ranges[i - 1];
    if (name == previous_name && part != previous_part && range.first <= previous.second) {
      return Fail(Code::kInvalid, "{} {}-{} and {}-{} overlap", name.text(), previous.first,
                  previous.second, range.first, range.second);
    }
  }
  std::ranges::sort(items);
  for (size_t i = 1; i < items.size(); ++i) {
    const auto& [name, item, part] = items[i];
    const auto& [previous_name, previous, previous_part] = items[i - 1];
    if (name == previous_name && item == previous && part != previous_part) {
      return Fail(Code::kInvalid, "'{}' of {} is used twice", item, name.text());
    }
  }
  return {};
}

Status ValidateOneProvider(const Resources& resources) {
  const Resource* first = nullptr;
  for (const Resource& resource : resources) {
    if (first == nullptr) first = &resource;
    if (resource.provider_id() != first->provider_id()) {
      return Fail(Code::kInvalid,
                  "One operation cannot take resources of more than one resource provider");
    }
  }
  return {};
}

}  // namespace tepui::master::validation
