// SPDX-License-Identifier: Apache-2.0
#include "resources/resource.h"

#include <algorithm>
#include <iterator>

#include "resources/roles.h"

namespace tepui {

struct Resource::RangeList : Counted {
  explicit RangeList(Ranges r) : ranges(std::move(r)) {}
  Ranges ranges;  // In normal form; never empty.
};

struct Resource::ItemList : Counted {
  explicit ItemList(std::vector<std::string> i) : items(std::move(i)) {}
  std::vector<std::string> items;  // Sorted, without duplicates; never empty.
};

Resource Resource::OfRanges(const ResourceName& name, Ranges ranges) {
  Resource resource(name, Amount());
  resource.type_ = v1::Value::RANGES;
  Coalesce(&ranges);
  resource.SetRanges(std::move(ranges));
  return resource;
}

Resource Resource::OfItems(const ResourceName& name, std::vector<std::string> items) {
  Resource resource(name, Amount());
  resource.type_ = v1::Value::SET;
  std::ranges::sort(items);
  items.erase(std::ranges::unique(items).begin(), items.end());
  resource.SetItems(std::move(items));
  return resource;
}

void Resource::SetRanges(Ranges ranges) {
  if (ranges.empty()) {
    SetList(nullptr);
  } else if (value_ != 0 && range_list()->unique()) {
    range_list()->ranges = std::move(ranges);
  } else {
    SetList(new RangeList(std::move(ranges)));
  }
}

void Resource::SetItems(std::vector<std::string> items) {
  if (items.empty()) {
    SetList(nullptr);
  } else if (value_ != 0 && item_list()->unique()) {
    item_list()->items = std::move(items);
  } else {
    SetList(new ItemList(std::move(items)));
  }
}

void Resource::SetList(void* list) {
  ReleaseValue();
  value_ = reinterpret_cast<int64_t>(list);
}

void Resource::RetainValue() const {
  if (value_ == 0) return;
  if (type_ == v1::Value::RANGES) {
    range_list()->Retain();
  } else {
    item_list()->Retain();
  }
}

void Resource::ReleaseValue() const {
  if (value_ == 0) return;
  if (type_ == v1::Value::RANGES) {
    if (range_list()->Release()) delete range_list();
  } else {
    if (item_list()->Release()) delete item_list();
  }
}

std::span<const Range> Resource::ranges() const {
  if (type_ != v1::Value::RANGES || value_ == 0) return {};
  return range_list()->ranges;
}

std::span<const std::string> Resource::items() const {
  if (type_ != v1::Value::SET || value_ == 0) return {};
  return item_list()->items;
}

void Resource::AddList(const Resource& other) {
  if (value_ == other.value_) return;
  if (type_ == v1::Value::RANGES) {
    SetRanges(Union(ranges(), other.ranges()));
  } else {
    std::vector<std::string> sum;
    std::ranges::set_union(items(), other.items(), std::back_inserter(sum));
    SetItems(std::move(sum));
  }
}

void Resource::SubtractList(const Resource& other) {
  if (type_ == v1::Value::RANGES) {
    SetRanges(Difference(ranges(), other.ranges()));
  } else {
    std::vector<std::string> rest;
    std::ranges::set_difference(items(), other.items(), std::back_inserter(rest));
    SetItems(std::move(rest));
  }
}

bool Resource::HoldsList(const Resource& other) const {
  if (value_ == other.value_) return true;
  return type_ == v1::Value::RANGES ? Includes(ranges(), other.ranges())
                                    : std::ranges::includes(items(), other.items());
}

bool Resource::SameList(const Resource& other) const {
  return type_ == v1::Value::RANGES ? std::ranges::equal(ranges(), other.ranges())
                                    : std::ranges::equal(items(), other.items());
}

std::strong_ordering Resource::OrderApart(const Resource& a, const Resource& b) {
  if (auto order = a.Kind() <=> b.Kind(); order != 0) return order;
  // A resource without traits comes before one with traits.
  if (!(a.traits_ == b.traits_)) {
    if (!a.traits_) return std::strong_ordering::less;
    if (!b.traits_) return std::strong_ordering::greater;
    if (auto order = a.traits_->identity() <=> b.traits_->identity(); order != 0) return order;
  }
  if (!(a.allocation_ == b.allocation_)) {
    if (!a.allocation_) return std::strong_ordering::less;
    if (!b.allocation_) return std::strong_ordering::greater;
    if (auto order = a.allocation_->text <=> b.allocation_->text; order != 0) return order;
  }
  return a.is_indivisible() ? a.value_ <=> b.value_ : std::strong_ordering::equal;
}

bool Resource::is_allocatable_to(std::string_view role) const {
  if (is_unreserved()) return true;
  const std::string_view reserved_to = reservation_role();
  return role == reserved_to || IsStrictSubrole(role, reserved_to);
}

void Resource::SetTraits(ResourceTraits::Fields fields) {
  traits_ = ResourceTraits::Make(std::move(fields));
  SetFlag(kIndivisible, traits_ && traits_->indivisible());
}

Resource Resource::WithScalar(Amount amount) const {
  Resource resource = *this;
  resource.value_ = amount.milli();
  return resource;
}

Resource Resource::WithReservations(std::vector<ReservationInfo> reservations) const {
  ResourceTraits::Fields fields = Fields();
  fields.reservations = std::move(reservations);
  Resource resource = *this;
  resource.SetTraits(std::move(fields));
  return resource;
}

Resource Resource::WithoutVolume() const {
  ResourceTraits::Fields fields = Fields();
  if (fields.disk && fields.disk->has_source()) {
    fields.disk->clear_persistence();
    fields.disk->clear_volume();
  } else {
    fields.disk.reset();
  }
  Resource resource = *this;
  resource.SetTraits(std::move(fields));
  resource.SetFlag(kShared, false);
  resource.count_ = 1;
  return resource;
}

}  // namespace tepui
