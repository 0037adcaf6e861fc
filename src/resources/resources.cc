// SPDX-License-Identifier: Apache-2.0
#include "resources/resources.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "resources/resource_validation.h"

namespace tepui {

namespace {

Status TooManyNames() {
  return Fail(Code::kInvalid, "The resources have more than {} names", Resources::kMaxNames);
}

// Counts names before any of them takes a place in the table of names.
Status CheckNames(const google::protobuf::RepeatedPtrField<v1::Resource>& resources) {
  std::set<std::string_view> names;
  for (const v1::Resource& resource : resources) {
    if (!ResourceName::IsFixed(resource.name())) names.insert(resource.name());
    if (names.size() > Resources::kMaxNames) return TooManyNames();
  }
  return {};
}

}  // namespace

Resources::Resources(std::initializer_list<Resource> resources) : entries_(resources) {
  Normalize();
}

Result<Resources> Resources::FromProto(
    const google::protobuf::RepeatedPtrField<v1::Resource>& resources) {
  if (auto bounded = CheckNames(resources); !bounded) return Fail(bounded.error());
  Resources out;
  out.entries_.reserve(static_cast<size_t>(resources.size()));
  for (const v1::Resource& proto : resources) {
    auto resource = Resource::FromProto(proto);
    if (!resource) return Fail(resource.error());
    out.entries_.push_back(std::move(*resource));
  }
  out.Normalize();
  if (auto bounded = out.CheckBounds(); !bounded) return Fail(bounded.error());
  return out;
}

Result<Resources> Resources::FromProto(const v1::Resource& resource) {
  auto one = Resource::FromProto(resource);
  if (!one) return Fail(one.error());
  Resources out;
  if (!one->empty()) out.entries_.push_back(std::move(*one));
  return out;
}

Status Resources::CheckBounds() const {
  size_t names = 0;
  Amount sum;  // That of the entry's name, so far.
  for (const Resource& entry : entries_) {
    const bool same_name = &entry != begin() && (&entry - 1)->name() == entry.name();
    if (!same_name) {
      sum = Amount();
      ++names;
    }
    sum += entry.scalar();
    if (sum > Amount::FromMilli(Amount::kMaxMilli)) {
      return Fail(Code::kInvalid, "The amounts of '{}' add up to more than {}, which is refused",
                  entry.name().text(), Amount::FromMilli(Amount::kMaxMilli).ToString());
    }
  }
  return names > kMaxNames ? TooManyNames() : Status();
}

void Resources::ToProto(google::protobuf::RepeatedPtrField<v1::Resource>* out,
                        Format format) const {
  out->Clear();
  out->Reserve(static_cast<int>(entries_.size()));
  for (const Resource& entry : entries_) entry.ToProto(out->Add(), format);
}

const Resource* Resources::Seek(const Resource* first, const Resource* last, const Resource& key) {
  const auto before = [](const Resource& a, const Resource& b) {
    return Resource::Order(a, b) < 0;
  };
  // Usually it is one of the next few entries; if not, there are many entries.
  for (int step = 0; step < 8; ++step, ++first) {
    if (first == last || !before(*first, key)) return first;
  }
  return std::lower_bound(first, last, key, before);
}

Resource* Resources::Seek(Resource* first, Resource* last, const Resource& key) {
  return const_cast<Resource*>(Seek(static_cast<const Resource*>(first), last, key));
}

void Resources::Add(std::span<const Resource> sorted) {
  Resource* at = entries_.data();
  Resource* const end = at + entries_.size();
  size_t missing = 0;
  for (const Resource& other : sorted) {
    at = Seek(at, end, other);
    if (other.Sums() && at != end && Resource::Order(*at, other) == 0) {
      at->AddValue(other);
    } else {
      ++missing;
    }
  }
  if (missing != 0) Merge(sorted, missing);
}

// The second half of Add: inserts the entries that had no counterpart, from the back, so that each
// entry moves once.
void Resources::Merge(std::span<const Resource> sorted, size_t missing) {
  size_t from = entries_.size();
  size_t to = from + missing;
  entries_.resize(to);
  for (size_t left = sorted.size(); to != from;) {
    const Resource& other = sorted[left - 1];
    const auto order =
        from == 0 ? std::strong_ordering::less : Resource::Order(entries_[from - 1], other);
    if (order > 0) {
      entries_[--to] = std::move(entries_[--from]);
      continue;
    }
    --left;
    if (order == 0 && other.Sums()) continue;  // It was summed already.
    entries_[--to] = other;
  }
}

void Resources::Subtract(std::span<const Resource> sorted) {
  Resource* at = entries_.data();
  Resource* const end = at + entries_.size();
  bool emptied = false;
  for (const Resource& other : sorted) {
    at = Seek(at, end, other);
    if (at == end) break;
    if (Resource::Order(*at, other) != 0) continue;
    if (other.Sums()) {
      at->SubtractValue(other);
      emptied |= at->empty();
    } else {
      // This is one of possibly several equal entries. The order of the others must hold during the
      // walk, so it is only marked.
      while (at != end && at->count_ == 0 && Resource::Order(*at, other) == 0) ++at;
      if (at == end || Resource::Order(*at, other) != 0) continue;
      at->count_ = 0;
      emptied = true;
    }
  }
  if (emptied) std::erase_if(entries_, [](const Resource& entry) { return entry.empty(); });
}

Resources& Resources::operator+=(const Resources& other) {
  if (&other == this) return *this += Resources(other);
  if (entries_.empty()) {
    entries_ = other.entries_;
  } else {
    Add(other.entries_);
  }
  return *this;
}

Resources& Resources::operator-=(const Resources& other) {
  if (&other == this) {
    entries_.clear();
  } else {
    Subtract(other.entries_);
  }
  return *this;
}

Resources& Resources::operator+=(const Resource& resource) {
  if (resource.empty()) return *this;
  const bool mine =
      !entries_.empty() && !std::less<>()(&resource, begin()) && std::less<>()(&resource, end());
  if (mine) return *this += Resource(resource);
  Add({&resource, 1});
  return *this;
}

Resources& Resources::operator-=(const Resource& resource) {
  if (resource.empty()) return *this;
  // Copied, because `resource` may be one of the entries.
  const Resource other = resource;  // NOLINT(performance-unnecessary-copy-initialization)
  Subtract({&other, 1});
  return *this;
}

bool Resources::ContainsAll(std::span<const Resource> sorted) const {
  const Resource* at = begin();
  for (const Resource& other : sorted) {
    at = Seek(at, end(), other);
    if (at == end() || Resource::Order(*at, other) != 0 || !at->HoldsValue(other)) return false;
    if (!other.Sums()) ++at;  // Each indivisible entry matches one only.
  }
  return true;
}

bool Resources::Contains(const Resources& other) const { return ContainsAll(other.entries_); }

bool Resources::Contains(const Resource& resource) const {
  return resource.empty() || ContainsAll({&resource, 1});
}

void Resources::Normalize() {
  const auto before = [](const Resource& a, const Resource& b) {
    return Resource::Order(a, b) < 0;
  };
  std::erase_if(entries_, [](const Resource& entry) { return entry.empty(); });
  if (!std::is_sorted(entries_.begin(), entries_.end(), before)) {
    std::stable_sort(entries_.begin(), entries_.end(), before);
  }
  size_t size = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const bool sums =
        size != 0 && entries_[i].Sums() && Resource::Order(entries_[size - 1], entries_[i]) == 0;
    if (sums) {
      entries_[size - 1].AddValue(entries_[i]);
    } else {
      if (size != i) entries_[size] = std::move(entries_[i]);
      ++size;
    }
  }
  entries_.resize(size);
}

void Resources::Allocate(std::string_view role) {
  if (entries_.empty()) return;
  const Ref<const AllocationRole> shared = ShareRole(role);
  // Resources that were allocated to one role stay in order; only a mixture has to be sorted again.
  bool mixed = false;
  for (const Resource& entry : entries_) {
    mixed |= entry.allocation_role() != entries_.front().allocation_role();
  }
  for (Resource& entry : entries_) entry.allocation_ = shared;
  if (mixed) Normalize();
}

void Resources::Unallocate() {
  bool mixed = false;
  for (const Resource& entry : entries_) {
    mixed |= entry.allocation_role() != entries_.front().allocation_role();
  }
  for (Resource& entry : entries_) entry.Unallocate();
  if (mixed) Normalize();
}

template <class Keep>
Resources Resources::FilterBy(Keep keep) const {
  Resources out;
  const auto count = static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), keep));
  out.entries_.reserve(count);
  if (count != 0)
    std::copy_if(entries_.begin(), entries_.end(), std::back_inserter(out.entries_), keep);
  return out;
}

template <class Change>
Resources Resources::Changed(Change change) const {
  Resources out;
  out.entries_.reserve(entries_.size());
  for (const Resource& entry : entries_) out.entries_.push_back(change(entry));
  out.Normalize();
  return out;
}

Resources Resources::AllocatedTo(std::string_view role) const {
  return FilterBy([&](const Resource& entry) {
    return entry.is_allocated() && entry.allocation_role() == role;
  });
}

Resources Resources::Unallocated() const {
  return FilterBy([](const Resource& entry) { return !entry.is_allocated(); });
}

std::vector<std::pair<std::string, Resources>> Resources::ByAllocationRole() const {
  std::map<std::string_view, Resources> roles;
  for (const Resource& entry : entries_) roles[entry.allocation_role()].entries_.push_back(entry);
  std::vector<std::pair<std::string, Resources>> out;
  out.reserve(roles.size());
  for (auto& [role, resources] : roles) out.emplace_back(role, std::move(resources));
  return out;
}

Resources Resources::Filter(const std::function<bool(const Resource&)>& keep) const {
  Resources out;
  for (const Resource& entry : entries_) {
    if (keep(entry)) out.entries_.push_back(entry);
  }
  return out;
}

Resources Resources::Unreserved() const {
  return FilterBy([](const Resource& entry) { return entry.is_unreserved(); });
}

Resources Resources::Reserved() const {
  return FilterBy([](const Resource& entry) { return entry.is_reserved(); });
}

Resources Resources::AllocatableTo(std::string_view role) const {
  return FilterBy([&](const Resource& entry) { return entry.is_allocatable_to(role); });
}

Resources Resources::ReservedTo(std::string_view role) const {
  return FilterBy([&](const Resource& entry) {
    return entry.is_reserved() && entry.reservation_role() == role;
  });
}

Resources Resources::Revocable() const {
  return FilterBy([](const Resource& entry) { return entry.is_revocable(); });
}

Resources Resources::NonRevocable() const {
  return FilterBy([](const Resource& entry) { return !entry.is_revocable(); });
}

Resources Resources::Shared() const {
  return FilterBy([](const Resource& entry) { return entry.is_shared(); });
}

Resources Resources::NonShared() const {
  return FilterBy([](const Resource& entry) { return !entry.is_shared(); });
}

Resources Resources::PersistentVolumes() const {
  return FilterBy([](const Resource& entry) { return entry.is_persistent_volume(); });
}

Resources Resources::Scalars() const {
  return FilterBy([](const Resource& entry) { return entry.is_scalar(); });
}

Result<Resources> Resources::PushReservation(
    const v1::Resource::ReservationInfo& reservation) const {
  for (const Resource& entry : entries_) {
    google::protobuf::RepeatedPtrField<v1::Resource::ReservationInfo> stack(
        entry.reservations().begin(), entry.reservations().end());
    *stack.Add() = reservation;
    if (auto valid = ValidateReservations(stack); !valid) {
      return Fail(Code::kInvalid, "Resource '{}' cannot be reserved: {}", entry.ToString(),
                  valid.error().message);
    }
  }
  return Changed([&](const Resource& entry) {
    std::vector<v1::Resource::ReservationInfo> stack(entry.reservations().begin(),
                                                     entry.reservations().end());
    stack.push_back(reservation);
    return entry.WithReservations(std::move(stack));
  });
}

Resources Resources::PopReservation() const {
  return Changed([](const Resource& entry) {
    if (entry.is_unreserved()) return entry;
    const auto rest = entry.reservations().first(entry.reservations().size() - 1);
    return entry.WithReservations({rest.begin(), rest.end()});
  });
}

Resources Resources::WithoutReservations() const {
  return Changed([](const Resource& entry) {
    return entry.is_unreserved() ? entry : entry.WithReservations({});
  });
}

Quantities Resources::ScalarQuantities() const {
  Quantities out;
  for (const Resource& entry : entries_) {
    if (entry.is_scalar()) out.Add(entry.name(), entry.scalar());
  }
  return out;
}

Amount Resources::Scalar(const ResourceName& name) const {
  Amount sum;
  for (const Resource& entry : entries_) {
    if (entry.name() == name) sum += entry.scalar();
  }
  return sum;
}

std::vector<std::pair<uint64_t, uint64_t>> Resources::Ports() const {
  Ranges ports;
  for (const Resource& entry : entries_) {
    if (entry.name() == ResourceNames::Ports())
      ports.insert(ports.end(), entry.ranges().begin(), entry.ranges().end());
  }
  Coalesce(&ports);
  return ports;
}

std::string Resources::ToString() const {
  if (entries_.empty()) return "{}";
  std::string out;
  for (const Resource& entry : entries_) {
    if (!out.empty()) out += "; ";
    out += entry.ToString();
  }
  return out;
}

}  // namespace tepui
