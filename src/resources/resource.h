// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/quantities.h"
#include "resources/ranges.h"
#include "resources/traits.h"

namespace tepui {

enum class ResourceFormat {
  kPostReservationRefinement,  // `reservations` only.
  kPreReservationRefinement,   // `role` and `reservation` where they suffice (at most one
                               // reservation).
  kEndpoint,  // The pre-refinement form, with `reservations` as well (reference trap 4).
};

// One resource: its name, its value, and what distinguishes it from others of its name
// (reservations, disk, revocable, shared, provider, the role it is allocated to). 32 bytes. A plain
// scalar owns no memory; any other resource refers to immutable parts that copies share, so a copy
// costs at most three increments. An object is not thread-safe; copies may be used on different
// threads.
//
// Values of type TEXT are not supported, and only scalars have a disk.
class Resource {
 public:
  using ReservationInfo = v1::Resource::ReservationInfo;
  using DiskInfo = v1::Resource::DiskInfo;

  Resource() = default;  // No cpus.
  // A plain scalar.
  Resource(ResourceName name, Amount amount) : value_(amount.milli()), name_(std::move(name)) {}
  // `ranges` need not be in normal form, but no range may end before it begins.
  static Resource OfRanges(const ResourceName& name, Ranges ranges);
  static Resource OfItems(const ResourceName& name, std::vector<std::string> items);

  // Validates as Mesos does (reference 2.11). The sentence of a failure quotes the resource.
  static Result<Resource> FromProto(const v1::Resource& resource);
  void ToProto(v1::Resource* out,
               ResourceFormat format = ResourceFormat::kPostReservationRefinement) const;

  Resource(const Resource& other)
      : value_(other.value_),
        traits_(other.traits_),
        allocation_(other.allocation_),
        name_(other.name_),
        type_(other.type_),
        flags_(other.flags_),
        count_(other.count_) {
    if (type_ != v1::Value::SCALAR) RetainValue();
  }
  Resource(Resource&& other) noexcept
      : value_(std::exchange(other.value_, 0)),
        traits_(std::move(other.traits_)),
        allocation_(std::move(other.allocation_)),
        name_(std::move(other.name_)),
        type_(other.type_),
        flags_(other.flags_),
        count_(other.count_) {}
  Resource& operator=(Resource other) noexcept {
    swap(other);
    return *this;
  }
  ~Resource() {
    if (type_ != v1::Value::SCALAR) ReleaseValue();
  }
  void swap(Resource& other) noexcept {
    std::swap(value_, other.value_);
    traits_.swap(other.traits_);
    allocation_.swap(other.allocation_);
    std::swap(name_, other.name_);
    std::swap(type_, other.type_);
    std::swap(flags_, other.flags_);
    std::swap(count_, other.count_);
  }

  const ResourceName& name() const { return name_; }
  v1::Value::Type type() const { return static_cast<v1::Value::Type>(type_); }
  bool is_scalar() const { return type_ == v1::Value::SCALAR; }
  // For a shared resource, the value of one copy. Zero, or empty, if the resource is of another
  // type.
  Amount scalar() const { return Amount::FromMilli(is_scalar() ? value_ : 0); }
  std::span<const Range> ranges() const;
  std::span<const std::string> items() const;
  // Returns true if nothing of it is left.
  bool empty() const { return value_ == 0 || count_ == 0; }

  bool is_unreserved() const { return reservations().empty(); }
  bool is_reserved() const { return !is_unreserved(); }
  bool is_dynamically_reserved() const {
    return is_reserved() && reservations().back().type() == ReservationInfo::DYNAMIC;
  }
  // The stack of reservations, the oldest first.
  std::span<const ReservationInfo> reservations() const {
    return traits_ ? std::span<const ReservationInfo>(traits_->fields().reservations)
                   : std::span<const ReservationInfo>();
  }
  // The role at the top of the stack; "*" if unreserved.
  std::string_view reservation_role() const {
    return is_unreserved() ? std::string_view("*") : std::string_view(reservations().back().role());
  }
  // True if it is unreserved, or reserved to `role` or to an ancestor of it.
  bool is_allocatable_to(std::string_view role) const;

  bool is_allocated() const { return static_cast<bool>(allocation_); }
  // "" if not allocated.
  std::string_view allocation_role() const {
    return allocation_ ? std::string_view(allocation_->text) : std::string_view();
  }
  void Allocate(std::string_view role) { allocation_ = ShareRole(role); }
  void Unallocate() { allocation_ = {}; }

  bool is_revocable() const { return (flags_ & kRevocable) != 0; }
  bool is_shared() const { return (flags_ & kShared) != 0; }
  // The number of copies of a shared resource that this stands for; 1 for others.
  uint32_t shared_count() const { return count_; }

  // Null if there is none.
  const DiskInfo* disk() const {
    return traits_ && traits_->fields().disk ? &*traits_->fields().disk : nullptr;
  }
  const DiskInfo::Source* disk_source() const {
    return disk() != nullptr && disk()->has_source() ? &disk()->source() : nullptr;
  }
  bool is_persistent_volume() const { return disk() != nullptr && disk()->has_persistence(); }
  // "" if it is not a persistent volume.
  std::string_view persistence_id() const {
    return is_persistent_volume() ? std::string_view(disk()->persistence().id())
                                  : std::string_view();
  }
  // True if it is added, subtracted and contained only as a whole (see ResourceTraits).
  bool is_indivisible() const { return (flags_ & kIndivisible) != 0; }
  // "" if it comes from the agent itself.
  std::string_view provider_id() const {
    return traits_ && traits_->fields().provider_id
               ? std::string_view(*traits_->fields().provider_id)
               : std::string_view();
  }

  // Copies that differ in one property. WithScalar is for scalars only.
  Resource WithScalar(Amount amount) const;
  // `reservations` must be a valid stack.
  Resource WithReservations(std::vector<ReservationInfo> reservations) const;
  // Returns a persistent volume as the disk it was made of: without persistence, volume and
  // sharing.
  Resource WithoutVolume() const;

  // Prints like Mesos: "disk(allocated: r)(reservations:
  // [(STATIC,r)])[id:path]{REV}<SHARED>:64<1>".
  std::string ToString() const;

  // Compares everything but volume, persistence principal and the order of labels.
  friend bool operator==(const Resource& a, const Resource& b) {
    return Order(a, b) == 0 && a.count_ == b.count_ && a.SameValue(b);
  }

 private:
  friend class Resources;

  enum Flag : uint8_t { kRevocable = 1, kShared = 2, kIndivisible = 4 };
  struct RangeList;
  struct ItemList;

  // The order in which Resources holds its entries. Two that are equal by it differ at most in
  // value or count: they can be added, subtracted and compared. The value of an indivisible one
  // takes part in the order.
  static std::strong_ordering Order(const Resource& a, const Resource& b) {
    const bool same =
        a.Kind() == b.Kind() && a.traits_ == b.traits_ && a.allocation_ == b.allocation_;
    if (!same) [[unlikely]]
      return OrderApart(a, b);
    return a.is_indivisible() ? a.value_ <=> b.value_ : std::strong_ordering::equal;
  }
  // Order for resources that do not share all their metadata objects.
  static std::strong_ordering OrderApart(const Resource& a, const Resource& b);
  uint32_t Kind() const { return uint32_t{name_.index()} << 16 | uint32_t{type_} << 8 | flags_; }

  // True if entries that are equal by Order become one when added: all but indivisible ones that
  // are not shared.
  bool Sums() const { return !is_indivisible() || is_shared(); }

  // These take resources that are equal by Order. Counts of shared ones and amounts of scalars are
  // handled inline, lists elsewhere.
  void AddValue(const Resource& other) {
    if (is_shared()) {
      count_ += other.count_;
    } else if (is_scalar()) {
      value_ = (scalar() + other.scalar()).milli();
    } else {
      AddList(other);
    }
  }
  // A result that would be negative becomes empty.
  void SubtractValue(const Resource& other) {
    if (is_shared()) {
      count_ = count_ > other.count_ ? count_ - other.count_ : 0;
    } else if (is_scalar()) {
      value_ = value_ > other.value_ ? value_ - other.value_ : 0;
    } else {
      SubtractList(other);
    }
  }
  bool HoldsValue(const Resource& other) const {
    if (is_shared()) return count_ >= other.count_;
    return is_scalar() ? value_ >= other.value_ : HoldsList(other);
  }
  bool SameValue(const Resource& other) const {
    return value_ == other.value_ || (!is_scalar() && SameList(other));
  }
  void AddList(const Resource& other);
  void SubtractList(const Resource& other);
  bool HoldsList(const Resource& other) const;
  bool SameList(const Resource& other) const;

  void SetTraits(ResourceTraits::Fields fields);
  void SetRanges(Ranges ranges);
  void SetItems(std::vector<std::string> items);
  void SetList(void* list);
  void SetFlag(Flag flag, bool on) {
    flags_ = static_cast<uint8_t>(on ? flags_ | flag : flags_ & ~flag);
  }
  ResourceTraits::Fields Fields() const {
    return traits_ ? traits_->fields() : ResourceTraits::Fields();
  }
  void RetainValue() const;
  void ReleaseValue() const;

  // NOLINTBEGIN(performance-no-int-to-ptr): one word for both keeps a Resource at half a cache
  // line.
  RangeList* range_list() const { return reinterpret_cast<RangeList*>(value_); }
  ItemList* item_list() const { return reinterpret_cast<ItemList*>(value_); }
  // NOLINTEND(performance-no-int-to-ptr)

  // By type_: thousandths, or the address of a RangeList or ItemList (0 if empty). Copies share
  // lists; a list is changed in place only while it has a single owner.
  int64_t value_ = 0;
  Ref<const ResourceTraits> traits_;
  Ref<const AllocationRole> allocation_;
  ResourceName name_;
  uint8_t type_ = v1::Value::SCALAR;
  uint8_t flags_ = 0;
  uint32_t count_ = 1;
};

static_assert(sizeof(Resource) == 32 && sizeof(void*) <= sizeof(int64_t));

}  // namespace tepui
