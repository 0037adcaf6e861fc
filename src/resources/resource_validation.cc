// SPDX-License-Identifier: Apache-2.0
#include "resources/resource_validation.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "resources/old_form.h"
#include "resources/quantities.h"
#include "resources/ranges.h"
#include "resources/roles.h"

namespace tepui {
namespace {

using Disk = v1::Resource::DiskInfo;
using Reservation = v1::Resource::ReservationInfo;

Status ValidateScalar(const v1::Resource& resource) {
  if (!resource.has_scalar() || resource.has_ranges() || resource.has_set()) {
    return Fail(Code::kInvalid, "it is of type SCALAR and must have a scalar value and no other");
  }
  auto amount = Amount::Checked(resource.scalar().value());
  if (!amount) return Fail(amount.error());
  if (resource.name() == "gpus" && amount->milli() % 1000 != 0) {
    return Fail(Code::kInvalid, "gpus are whole, not {}", resource.scalar().value());
  }
  return {};
}

Status ValidateRanges(const v1::Resource& resource) {
  if (!resource.has_ranges() || resource.has_scalar() || resource.has_set()) {
    return Fail(Code::kInvalid, "it is of type RANGES and must have a ranges value and no other");
  }
  Ranges ranges;
  ranges.reserve(static_cast<size_t>(resource.ranges().range_size()));
  for (const auto& range : resource.ranges().range()) {
    if (range.begin() > range.end()) {
      return Fail(Code::kInvalid, "the range {}-{} ends before it begins", range.begin(),
                  range.end());
    }
    ranges.emplace_back(range.begin(), range.end());
  }
  std::ranges::sort(ranges);
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first <= ranges[i - 1].second) {
      return Fail(Code::kInvalid, "the ranges {}-{} and {}-{} overlap", ranges[i - 1].first,
                  ranges[i - 1].second, ranges[i].first, ranges[i].second);
    }
  }
  return {};
}

Status ValidateSet(const v1::Resource& resource) {
  if (!resource.has_set() || resource.has_scalar() || resource.has_ranges()) {
    return Fail(Code::kInvalid, "it is of type SET and must have a set value and no other");
  }
  std::vector<std::string_view> items(resource.set().item().begin(), resource.set().item().end());
  std::ranges::sort(items);
  if (auto twice = std::ranges::adjacent_find(items); twice != items.end()) {
    return Fail(Code::kInvalid, "the item '{}' is in the set twice", *twice);
  }
  return {};
}

// Checks that a name that the system itself uses has its one type.
Status ValidateKnownName(const v1::Resource& resource) {
  const std::string& name = resource.name();
  const bool scalar = name == "cpus" || name == "mem" || name == "disk" || name == "gpus";
  if (scalar && resource.type() != v1::Value::SCALAR)
    return Fail(Code::kInvalid, "{} must be a SCALAR", name);
  if (name == "ports" && resource.type() != v1::Value::RANGES)
    return Fail(Code::kInvalid, "ports must be RANGES");
  return {};
}

Status ValidateValue(const v1::Resource& resource) {
  if (auto valid = ValidateKnownName(resource); !valid) return valid;
  switch (resource.type()) {
    case v1::Value::SCALAR:
      return ValidateScalar(resource);
    case v1::Value::RANGES:
      return ValidateRanges(resource);
    case v1::Value::SET:
      return ValidateSet(resource);
    case v1::Value::TEXT:
      break;
  }
  return Fail(Code::kInvalid, "resources cannot be of type TEXT");
}

Status ValidateDisk(const v1::Resource& resource) {
  if (!resource.has_disk()) return {};
  if (resource.name() != "disk")
    return Fail(Code::kInvalid, "only the resource 'disk' can have a disk");
  if (!resource.disk().has_source()) return {};
  const Disk::Source& source = resource.disk().source();
  switch (source.type()) {
    case Disk::Source::PATH:
    case Disk::Source::MOUNT:
      return {};
    case Disk::Source::BLOCK:
    case Disk::Source::RAW:
      if (source.has_mount() || source.has_path()) {
        return Fail(Code::kInvalid, "a disk source of type {} must have neither path nor mount",
                    Disk::Source::Type_Name(source.type()));
      }
      return {};
    case Disk::Source::UNKNOWN:
      break;
  }
  return Fail(Code::kInvalid, "the type of the disk source must be PATH, MOUNT, BLOCK or RAW");
}

// Checks the old form: `role`, and `reservation` if it is reserved dynamically.
Status ValidateOldForm(const v1::Resource& resource) {
  if (auto valid = ValidateRole(OldRole(resource)); !valid) return valid;
  if (!resource.has_reservation()) return {};
  if (resource.reservation().has_type()) {
    return Fail(Code::kInvalid,
                "'type' must not be set in the field 'reservation', only in 'reservations'");
  }
  if (resource.reservation().has_role()) {
    return Fail(Code::kInvalid,
                "'role' must not be set in the field 'reservation', only in 'reservations'");
  }
  if (OldRole(resource) == "*")
    return Fail(Code::kInvalid, "a resource of role '*' cannot be reserved");
  return {};
}

bool SameLabels(const v1::Labels& a, const v1::Labels& b) {
  const auto equal = [](const v1::Label& x, const v1::Label& y) {
    return x.key() == y.key() && x.has_value() == y.has_value() && x.value() == y.value();
  };
  return std::is_permutation(a.labels().begin(), a.labels().end(), b.labels().begin(),
                             b.labels().end(), equal);
}

// Both forms may be present if they agree.
Status ValidateFormsAgree(const v1::Resource& resource) {
  if (resource.reservations_size() > 1) {
    if (!HasOldRole(resource) && !resource.has_reservation()) return {};
    return Fail(Code::kInvalid,
                "'role' and 'reservation' must not be set beside more than one of 'reservations'");
  }
  const Reservation& reservation = resource.reservations(0);
  if (HasOldRole(resource) && OldRole(resource) != reservation.role()) {
    return Fail(Code::kInvalid, "'role' is '{}', but the role in 'reservations' is '{}'",
                OldRole(resource), reservation.role());
  }
  if (reservation.type() == Reservation::STATIC) {
    if (!resource.has_reservation()) return {};
    return Fail(Code::kInvalid,
                "'reservation' must not be set beside a STATIC one in 'reservations'");
  }
  if (HasOldRole(resource) != resource.has_reservation()) {
    return Fail(
        Code::kInvalid,
        "beside a DYNAMIC one in 'reservations', set both 'role' and 'reservation' or neither");
  }
  if (!resource.has_reservation()) return {};
  if (resource.reservation().principal() != reservation.principal()) {
    return Fail(Code::kInvalid, "'reservation' has the principal '{}', but 'reservations' has '{}'",
                resource.reservation().principal(), reservation.principal());
  }
  if (!SameLabels(resource.reservation().labels(), reservation.labels())) {
    return Fail(Code::kInvalid, "the labels in 'reservation' and in 'reservations' differ");
  }
  return {};
}

}  // namespace

Status ValidateReservations(const google::protobuf::RepeatedPtrField<Reservation>& reservations) {
  const Reservation* below = nullptr;
  for (const Reservation& reservation : reservations) {
    if (!reservation.has_type() || reservation.type() == Reservation::UNKNOWN) {
      return Fail(Code::kInvalid, "a reservation must have the type STATIC or DYNAMIC");
    }
    if (!reservation.has_role()) return Fail(Code::kInvalid, "a reservation must have a role");
    if (auto valid = ValidateRole(reservation.role()); !valid) return valid;
    if (reservation.role() == "*")
      return Fail(Code::kInvalid, "nothing can be reserved to the role '*'");
    if (below != nullptr) {
      if (reservation.type() == Reservation::STATIC) {
        return Fail(Code::kInvalid,
                    "only the first reservation can be STATIC; refinements are DYNAMIC");
      }
      if (!IsStrictSubrole(reservation.role(), below->role())) {
        return Fail(
            Code::kInvalid,
            "the reservation to '{}' does not refine that to '{}': it must be a role below it",
            reservation.role(), below->role());
      }
    }
    below = &reservation;
  }
  return {};
}

Status ValidateResource(const v1::Resource& resource) {
  if (auto valid = ValidateValue(resource); !valid) return valid;
  if (auto valid = ValidateDisk(resource); !valid) return valid;
  if (resource.reservations().empty()) {
    if (auto valid = ValidateOldForm(resource); !valid) return valid;
  } else {
    if (auto valid = ValidateReservations(resource.reservations()); !valid) return valid;
    if (auto valid = ValidateFormsAgree(resource); !valid) return valid;
  }
  if (resource.has_allocation_info()) {
    if (!resource.allocation_info().has_role())
      return Fail(Code::kInvalid, "its allocation info has no role");
    if (auto valid = ValidateRole(resource.allocation_info().role()); !valid) return valid;
  }
  if (resource.has_provider_id() && resource.provider_id().value().empty()) {
    return Fail(Code::kInvalid, "its provider id is empty");
  }
  if (resource.has_shared() && !(resource.has_disk() && resource.disk().has_persistence())) {
    return Fail(Code::kInvalid, "only persistent volumes can be shared");
  }
  return {};
}

}  // namespace tepui
