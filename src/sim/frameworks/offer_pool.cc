// SPDX-License-Identifier: Apache-2.0
#include "sim/frameworks/offer_pool.h"

#include <algorithm>

namespace tepui::sim {
namespace {

bool IsPlain(const Resource& resource) {
  return resource.is_scalar() && resource.disk() == nullptr && !resource.is_revocable() &&
         !resource.is_shared() && resource.provider_id().empty();
}

// Moves wanted amounts of plain resources, either reserved or unreserved ones, from `*left` to
// `*taken`. Returns what could not be moved.
Quantities Move(Quantities wanted, bool reserved, Resources* left, Resources* taken) {
  const Resources from = *left;
  for (const Resource& entry : from) {
    if (!IsPlain(entry) || entry.is_reserved() != reserved) continue;
    const Amount amount = std::min(wanted.Get(entry.name()), entry.scalar());
    if (amount <= Amount()) continue;
    const Resource part = entry.WithScalar(amount);
    *left -= part;
    *taken += part;
    wanted.Set(entry.name(), wanted.Get(entry.name()) - amount);
  }
  return wanted;
}

}  // namespace

void OfferPool::Add(const v1::Offer& offer) {
  // A master offers valid resources; invalid ones are ignored.
  left_ += Resources::FromProto(offer.resources()).value_or(Resources());
}

bool OfferPool::Take(const Quantities& wanted, List* taken) {
  Resources left = left_;
  Resources moved;
  const Quantities rest = Move(wanted, true, &left, &moved);
  if (!Move(rest, false, &left, &moved).empty()) return false;
  left_ = std::move(left);
  List list;
  moved.ToProto(&list, format_);
  for (v1::Resource& resource : list) *taken->Add() = std::move(resource);
  return true;
}

bool OfferPool::TakeUnreserved(const Quantities& wanted, Resources* taken) {
  Resources left = left_;
  Resources moved;
  if (!Move(wanted, false, &left, &moved).empty()) return false;
  left_ = std::move(left);
  *taken += moved;
  return true;
}

bool OfferPool::TakePort(List* taken) {
  List entries;
  left_.ToProto(&entries, format_);
  for (v1::Resource& entry : entries) {
    if (entry.name() != "ports" || entry.ranges().range().empty()) continue;
    const uint64_t port = entry.ranges().range(0).begin();
    entry.mutable_ranges()->clear_range();
    v1::Value::Range* range = entry.mutable_ranges()->add_range();
    range->set_begin(port);
    range->set_end(port);
    left_ -= Resources::FromProto(entry).value_or(Resources());
    *taken->Add() = std::move(entry);
    return true;
  }
  return false;
}

Quantities Amounts(double cpus, double mem, double disk) {
  Quantities amounts;
  amounts.Set(ResourceNames::Cpus(), Amount::FromDouble(cpus));
  amounts.Set(ResourceNames::Mem(), Amount::FromDouble(mem));
  amounts.Set(ResourceNames::Disk(), Amount::FromDouble(disk));
  return amounts;
}

}  // namespace tepui::sim
