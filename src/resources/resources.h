// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/format.h"
#include "resources/quantities.h"
#include "resources/resource.h"
#include "resources/roles.h"
#include "resources/values.h"

namespace tepui {

// The resource algebra (reference 2.11): a multiset of resources in normal form. Resources with
// equal metadata are summed into one entry (shared volumes are counted instead), no entry is empty,
// and entries are sorted. Copies are cheap. An object is not thread-safe; copies may be used on
// different threads.
//
// Values have three decimals, so sums are exact (reference trap 9). All reservations are held in
// the post-refinement form (`reservations`). Both forms can be read; the writer chooses one.
//
// Disks that are used whole or not at all (MOUNT, BLOCK, RAW with an id) and persistent volumes are
// never summed or split: only an equal one of the same size is subtracted or contained.
//
// += and -= of resources that have counterparts here, Contains and == allocate no memory for
// scalars.
class Resources {
 public:
  Resources() = default;
  // Sums the list.
  Resources(std::initializer_list<Resource> resources);

  // The number of distinct names in one list of resources, and of all that one agent has and uses.
  static constexpr size_t kMaxNames = 128;

  // Validates every object as Mesos does (reference 2.11), and the list by CheckBounds. The
  // sentence of a failure quotes the resource or the name.
  static Result<Resources> FromProto(
      const google::protobuf::RepeatedPtrField<v1::Resource>& resources);
  static Result<Resources> FromProto(const v1::Resource& resource);

  // Parses the --resources flag: "cpus:4;mem:1024;ports:[31000-32000];cpus(role):1", or a JSON
  // array of Resource objects. Repeated names with equal metadata are summed. Resources without a
  // role are statically reserved to `default_role`.
  static Result<Resources> Parse(std::string_view text, std::string_view default_role = "*");

  using Format = ResourceFormat;
  // A shared resource is written once, whatever its count, as in Mesos.
  void ToProto(google::protobuf::RepeatedPtrField<v1::Resource>* out,
               Format format = Format::kPostReservationRefinement) const;

  // Checks what any list from outside must keep to: at most kMaxNames names, and the amounts of
  // each name add up to at most Amount::kMaxMilli. Whoever adds lists of one agent checks the sum
  // again, so that the amount of no entry is ever clamped; sums over agents are Quantities, which
  // are exact.
  Status CheckBounds() const;

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }  // The number of entries.
  // Sorted by name (the well-known ones first), then by metadata. Resources that Mesos considers
  // the same are one entry, except for indivisible disks.
  const Resource* begin() const { return entries_.data(); }
  const Resource* end() const { return entries_.data() + entries_.size(); }

  Resources& operator+=(const Resources& other);
  Resources& operator-=(const Resources& other);  // Ignores what is not contained here.
  friend Resources operator+(Resources a, const Resources& b) { return std::move(a += b); }
  friend Resources operator-(Resources a, const Resources& b) { return std::move(a -= b); }
  Resources& operator+=(const Resource& resource);
  Resources& operator-=(const Resource& resource);
  bool Contains(const Resources& other) const;
  bool Contains(const Resource& resource) const;
  friend bool operator==(const Resources& a, const Resources& b) {
    return a.entries_ == b.entries_;
  }

  // Sets the role that every resource is allocated to, replacing any other; or removes it.
  void Allocate(std::string_view role);
  void Unallocate();
  // The resources that are allocated to `role`, and those that are not allocated. (Both filter:
  // offered resources are allocated, so Unallocated() of an offer is empty; Unallocate() removes
  // the role.)
  Resources AllocatedTo(std::string_view role) const;
  Resources Unallocated() const;
  // Groups by the role that each resource is allocated to; "" for unallocated ones.
  std::vector<std::pair<std::string, Resources>> ByAllocationRole() const;

  Resources Filter(const std::function<bool(const Resource&)>& keep) const;
  Resources Unreserved() const;
  Resources Reserved() const;
  // What a framework in `role` may use: unreserved resources, and those reserved to the role or to
  // an ancestor of it.
  Resources AllocatableTo(std::string_view role) const;
  Resources ReservedTo(
      std::string_view role) const;  // Compares the role at the top of the stack exactly.
  Resources Revocable() const;
  Resources NonRevocable() const;
  Resources Shared() const;
  Resources NonShared() const;
  Resources PersistentVolumes() const;
  Resources Scalars() const;

  // Adds or removes one reservation on top of each resource's stack. kInvalid if the reservation
  // cannot be added to one of them. Unreserved resources have nothing to pop and stay as they are.
  Result<Resources> PushReservation(const v1::Resource::ReservationInfo& reservation) const;
  Resources PopReservation() const;

  // Removes the whole stack.
  Resources WithoutReservations() const;

  // The sum of the scalars, without metadata (a shared resource counts once).
  Quantities ScalarQuantities() const;
  Amount Scalar(const ResourceName& name) const;
  // The ports as inclusive ranges, without metadata.
  std::vector<std::pair<uint64_t, uint64_t>> Ports() const;

  // Returns the resources as `operation` would leave them: RESERVE, UNRESERVE, CREATE, DESTROY,
  // GROW_VOLUME, SHRINK_VOLUME (and LAUNCH, LAUNCH_GROUP, which change nothing). kInvalid if what
  // it consumes is not contained here. The operation's resources must carry allocation info exactly
  // if these do.
  Result<Resources> Apply(const v1::Offer::Operation& operation) const;

  // Prints like Mesos in logs: "cpus:4; mem(reservations: [(STATIC,role)]):512;
  // ports:[31000-32000]". "{}" if empty.
  std::string ToString() const;
  friend std::ostream& operator<<(std::ostream& out, const Resources& r) {
    return out << r.ToString();
  }

 private:
  // Returns the first entry from `first` on that does not come before `key`.
  static Resource* Seek(Resource* first, Resource* last, const Resource& key);
  static const Resource* Seek(const Resource* first, const Resource* last, const Resource& key);
  template <class Keep>
  Resources FilterBy(Keep keep) const;
  template <class Change>
  Resources Changed(Change change) const;

  void Add(std::span<const Resource> sorted);
  void Merge(std::span<const Resource> sorted, size_t missing);
  void Subtract(std::span<const Resource> sorted);
  bool ContainsAll(std::span<const Resource> sorted) const;
  void Normalize();  // Called after changes of entries_ that may break order or distinctness.

  std::vector<Resource>
      entries_;  // Sorted by Resource::Order. Equal ones exist only if indivisible and not shared.
};

}  // namespace tepui
