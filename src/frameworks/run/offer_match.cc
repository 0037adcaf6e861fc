// SPDX-License-Identifier: Apache-2.0
#include "frameworks/run/offer_match.h"

#include <algorithm>

namespace tepui::frameworks {
namespace {

using ResourceList = google::protobuf::RepeatedPtrField<v1::Resource>;

bool IsPlain(const v1::Resource& resource) {
  return resource.reservations().empty() && !resource.has_disk() && !resource.has_revocable() &&
         !resource.has_shared() && !resource.has_provider_id();
}

// Returns `wanted` with the metadata of an entry of the pool.
v1::Resource InTheManner(const v1::Resource& wanted, const v1::Resource& entry) {
  v1::Resource taken = entry;
  taken.clear_scalar();
  taken.clear_ranges();
  taken.clear_set();
  if (wanted.has_scalar()) *taken.mutable_scalar() = wanted.scalar();
  if (wanted.has_ranges()) *taken.mutable_ranges() = wanted.ranges();
  if (wanted.has_set()) *taken.mutable_set() = wanted.set();
  return taken;
}

// Moves `resource` from `*left` to `*taken`; returns false if it is not there.
bool Move(const v1::Resource& resource, Resources* left, Resources* taken) {
  const Result<Resources> part = Resources::FromProto(resource);
  if (!part || !left->Contains(*part)) return false;
  *left -= *part;
  *taken += *part;
  return true;
}

// Takes a plain amount, in parts if necessary.
bool TakePlain(const v1::Resource& wanted, const Resources& pool, Resources* left, Resources* taken,
               Amount* still_wanted) {
  ResourceList entries;
  pool.ToProto(&entries);
  for (const v1::Resource& entry : entries) {
    if (entry.name() != wanted.name() || entry.type() != wanted.type() || entry.has_disk() ||
        entry.has_shared() || entry.has_provider_id()) {
      continue;
    }
    v1::Resource part = InTheManner(wanted, entry);
    if (!wanted.has_scalar()) {
      if (Move(part, left, taken)) return true;
      continue;
    }
    const Amount amount = std::min(*still_wanted, Amount::FromDouble(entry.scalar().value()));
    part.mutable_scalar()->set_value(amount.ToDouble());
    if (amount.milli() > 0 && Move(part, left, taken)) *still_wanted -= amount;
    if (still_wanted->milli() <= 0) return true;
  }
  return false;
}

}  // namespace

std::optional<Resources> TakeFrom(Resources* offered, const Resources& wanted,
                                  std::string_view role) {
  Resources left = *offered;
  Resources taken;
  ResourceList list;
  wanted.ToProto(&list);
  for (const v1::Resource& resource : list) {
    if (!IsPlain(resource)) {
      if (!Move(resource, &left, &taken)) return std::nullopt;
      continue;
    }
    Amount amount =
        resource.has_scalar() ? Amount::FromDouble(resource.scalar().value()) : Amount();
    const bool reserved = role != "*" && TakePlain(resource, left.ReservedTo(role).NonRevocable(),
                                                   &left, &taken, &amount);
    if (!reserved &&
        !TakePlain(resource, left.Unreserved().NonRevocable(), &left, &taken, &amount)) {
      return std::nullopt;
    }
  }
  *offered = std::move(left);
  return taken;
}

}  // namespace tepui::frameworks
