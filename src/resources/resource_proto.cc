// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "resources/format.h"
#include "resources/old_form.h"
#include "resources/resource.h"
#include "resources/resource_validation.h"

namespace tepui {
namespace {

std::vector<v1::Resource::ReservationInfo> ReservationsOf(const v1::Resource& resource) {
  if (!resource.reservations().empty()) {
    return {resource.reservations().begin(), resource.reservations().end()};
  }
  if (OldRole(resource) == "*") return {};
  // The old form has one reservation, which is dynamic if `reservation` is set.
  v1::Resource::ReservationInfo reservation = resource.reservation();
  reservation.set_type(resource.has_reservation() ? v1::Resource::ReservationInfo::DYNAMIC
                                                  : v1::Resource::ReservationInfo::STATIC);
  reservation.set_role(OldRole(resource));
  return {std::move(reservation)};
}

// Writes the old form of a resource with at most one reservation.
void AddOldForm(std::span<const v1::Resource::ReservationInfo> reservations, v1::Resource* out) {
  if (reservations.empty()) {
    SetOldRole("*", out);
    return;
  }
  const v1::Resource::ReservationInfo& only = reservations.front();
  SetOldRole(only.role(), out);
  if (only.type() != v1::Resource::ReservationInfo::DYNAMIC) return;
  auto* old = out->mutable_reservation();
  if (only.has_principal()) old->set_principal(only.principal());
  if (only.has_labels()) *old->mutable_labels() = only.labels();
}

}  // namespace

Result<Resource> Resource::FromProto(const v1::Resource& proto) {
  const auto fail = [&](const Error& error) {
    return Fail(error.code, "Resource '{}' is invalid: {}", FormatBriefly(proto), error.message);
  };
  auto name = ResourceName::Of(proto.name());
  if (!name) return fail(name.error());
  if (auto valid = ValidateResource(proto); !valid) return fail(valid.error());

  Resource resource;
  switch (proto.type()) {
    case v1::Value::SCALAR:
      resource = Resource(*name, Amount::FromDouble(proto.scalar().value()));
      break;
    case v1::Value::RANGES: {
      Ranges ranges;
      ranges.reserve(static_cast<size_t>(proto.ranges().range_size()));
      for (const auto& range : proto.ranges().range())
        ranges.emplace_back(range.begin(), range.end());
      resource = OfRanges(*name, std::move(ranges));
      break;
    }
    case v1::Value::SET:
      resource = OfItems(*name, {proto.set().item().begin(), proto.set().item().end()});
      break;
    case v1::Value::TEXT:  // Refused above.
      break;
  }
  resource.SetFlag(kRevocable, proto.has_revocable());
  resource.SetFlag(kShared, proto.has_shared());
  if (proto.has_allocation_info()) resource.Allocate(proto.allocation_info().role());
  const bool plain = proto.reservations().empty() && !HasOldRole(proto) && !proto.has_disk() &&
                     !proto.has_provider_id();
  if (!plain) {
    ResourceTraits::Fields fields;
    fields.reservations = ReservationsOf(proto);
    if (proto.has_disk()) fields.disk = proto.disk();
    if (proto.has_provider_id()) fields.provider_id = proto.provider_id().value();
    resource.SetTraits(std::move(fields));
  }
  return resource;
}

void Resource::ToProto(v1::Resource* out, ResourceFormat format) const {
  out->Clear();
  out->set_name(name_.text());
  out->set_type(type());
  switch (type()) {
    case v1::Value::SCALAR:
      out->mutable_scalar()->set_value(scalar().ToDouble());
      break;
    case v1::Value::RANGES: {
      auto* list = out->mutable_ranges();
      for (const auto& [begin, end] : ranges()) {
        auto* range = list->add_range();
        range->set_begin(begin);
        range->set_end(end);
      }
      break;
    }
    case v1::Value::SET: {
      auto* set = out->mutable_set();
      for (const std::string& item : items()) set->add_item(item);
      break;
    }
    case v1::Value::TEXT:  // Resources never hold a text.
      break;
  }
  if (allocation_) out->mutable_allocation_info()->set_role(allocation_->text);
  if (is_revocable()) out->mutable_revocable();
  if (is_shared()) out->mutable_shared();
  if (disk() != nullptr) *out->mutable_disk() = *disk();
  if (!provider_id().empty()) out->mutable_provider_id()->set_value(std::string(provider_id()));

  const auto stack = reservations();
  const bool old_form = format != ResourceFormat::kPostReservationRefinement && stack.size() <= 1;
  if (old_form) AddOldForm(stack, out);
  if (!old_form || format == ResourceFormat::kEndpoint) {
    for (const ReservationInfo& reservation : stack) *out->add_reservations() = reservation;
  }
}

}  // namespace tepui
