#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"

namespace tepui {

// The resource algebra (reference 2.11). Values are fixed-point with three decimals, so sums are exact (trap 9).

namespace v1 = ::mesos::v1;

// A scalar amount in thousandths.
class Amount {
 public:
  constexpr Amount() = default;
  static constexpr Amount FromMilli(int64_t milli) { return Amount(milli); }
  // Rounded to the nearest thousandth; the caller has checked that it is finite and in range.
  static Amount FromDouble(double value);

  constexpr int64_t milli() const { return milli_; }
  double ToDouble() const { return static_cast<double>(milli_) / 1000.0; }

  friend constexpr auto operator<=>(Amount, Amount) = default;
  constexpr Amount operator+(Amount b) const { return Amount(milli_ + b.milli_); }
  constexpr Amount operator-(Amount b) const { return Amount(milli_ - b.milli_); }
  constexpr Amount& operator+=(Amount b) { milli_ += b.milli_; return *this; }
  constexpr Amount& operator-=(Amount b) { milli_ -= b.milli_; return *this; }

 private:
  explicit constexpr Amount(int64_t milli) : milli_(milli) {}
  int64_t milli_ = 0;
};

// A resource's name as a small number: cpus, mem, disk, gpus, ports are known ahead, others are given numbers as they
// appear. Process-wide, append-only and thread-safe; at most 2^16 names (validation refuses more).
class ResourceName {
 public:
  constexpr ResourceName() = default;  // "cpus".
  static Result<ResourceName> Of(std::string_view name);

  const std::string& text() const;
  constexpr uint16_t index() const { return index_; }
  friend constexpr auto operator<=>(ResourceName, ResourceName) = default;

 private:
  explicit constexpr ResourceName(uint16_t index) : index_(index) {}
  friend struct ResourceNames;
  uint16_t index_ = 0;
};

struct ResourceNames {
  static constexpr ResourceName Cpus() { return ResourceName(0); }
  static constexpr ResourceName Mem() { return ResourceName(1); }
  static constexpr ResourceName Disk() { return ResourceName(2); }
  static constexpr ResourceName Gpus() { return ResourceName(3); }
  static constexpr ResourceName Ports() { return ResourceName(4); }
};

// Scalar amounts by name, without any of the resources' metadata: what fair shares, quotas and minimums count in.
// Zero amounts are not held; sorted by name index.
class Quantities {
 public:
  Quantities() = default;
  // "cpus:0.01;mem:32": scalars only, no duplicates.
  static Result<Quantities> Parse(std::string_view text);

  Amount Get(ResourceName name) const;
  void Set(ResourceName name, Amount amount);
  bool empty() const { return entries_.empty(); }
  // Every amount of `other` is here at least.
  bool Contains(const Quantities& other) const;

  Quantities& operator+=(const Quantities& other);
  // Amounts that would fall below zero are zero.
  Quantities& operator-=(const Quantities& other);
  friend bool operator==(const Quantities&, const Quantities&) = default;

  using Entry = std::pair<ResourceName, Amount>;
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

// One resource: name, value, and what sets it apart from others of its name (reservations, disk, revocable, shared,
// provider, the role it is allocated to). Immutable metadata is shared between copies; a plain unreserved scalar
// needs no allocation at all. (Implementation: resource.h.)
class Resource;

// A multiset of resources in normal form: equal metadata is summed into one entry (shared volumes are counted
// instead), nothing is empty. Copies are cheap. Not thread-safe; copies in different threads are.
//
// All reservations are held in the post-refinement form (`reservations`); both forms are read, the writer chooses.
class Resources {
 public:
  Resources();
  Resources(const Resources&);
  Resources(Resources&&) noexcept;
  Resources& operator=(const Resources&);
  Resources& operator=(Resources&&) noexcept;
  ~Resources();

  // Validates every object as Mesos does (reference 2.11); the sentence of a failure quotes the resource.
  static Result<Resources> FromProto(const google::protobuf::RepeatedPtrField<v1::Resource>& resources);
  static Result<Resources> FromProto(const v1::Resource& resource);

  // The --resources flag: "cpus:4;mem:1024;ports:[31000-32000];cpus(role):1", or a JSON array of Resource objects.
  // A repeated name of equal metadata is summed. `default_role` reserves statically what names no role.
  static Result<Resources> Parse(std::string_view text, std::string_view default_role = "*");

  enum class Format {
    kPostReservationRefinement,  // `reservations` only.
    kPreReservationRefinement,   // `role` and `reservation` where representable (one reservation at most).
  };
  void ToProto(google::protobuf::RepeatedPtrField<v1::Resource>* out,
               Format format = Format::kPostReservationRefinement) const;

  bool empty() const;
  size_t size() const;  // Entries.
  const Resource* begin() const;
  const Resource* end() const;

  Resources& operator+=(const Resources& other);
  Resources& operator-=(const Resources& other);  // What is not there is ignored.
  friend Resources operator+(Resources a, const Resources& b) { return a += b; }
  friend Resources operator-(Resources a, const Resources& b) { return a -= b; }
  Resources& operator+=(const Resource& resource);
  Resources& operator-=(const Resource& resource);
  bool Contains(const Resources& other) const;
  bool Contains(const Resource& resource) const;
  friend bool operator==(const Resources& a, const Resources& b);  // As multisets.

  // Every resource allocated to `role` / to nobody.
  Resources AllocatedTo(std::string_view role) const;
  Resources Unallocated() const;
  // By the role each is allocated to; "" for unallocated ones.
  std::vector<std::pair<std::string, Resources>> ByAllocationRole() const;

  Resources Filter(const std::function<bool(const Resource&)>& keep) const;
  Resources Unreserved() const;
  Resources Reserved() const;
  // What a framework in `role` may use: unreserved, and reserved to the role or to an ancestor of it.
  Resources AllocatableTo(std::string_view role) const;
  Resources ReservedTo(std::string_view role) const;  // Exactly that role, the top of the stack.
  Resources Revocable() const;
  Resources NonRevocable() const;
  Resources Shared() const;
  Resources NonShared() const;
  Resources PersistentVolumes() const;
  Resources Scalars() const;

  // One more / one less reservation on top of each resource's stack.
  Result<Resources> PushReservation(const v1::Resource::ReservationInfo& reservation) const;
  Resources PopReservation() const;

  // The sum of the scalars, metadata forgotten (a shared resource counts once).
  Quantities ScalarQuantities() const;
  Amount Scalar(ResourceName name) const;
  // The ports as inclusive ranges, all metadata forgotten.
  std::vector<std::pair<uint64_t, uint64_t>> Ports() const;

  // The resources as `operation` would leave them: RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME, SHRINK_VOLUME (and
  // LAUNCH, LAUNCH_GROUP, which change nothing). kInvalid if what it consumes is not contained here. The operation's
  // resources must carry allocation info exactly if these do.
  Result<Resources> Apply(const v1::Offer::Operation& operation) const;

  // "cpus:4; mem(role):512; ports:[31000-32000]", as in logs and v0 JSON.
  std::string ToString() const;
  friend std::ostream& operator<<(std::ostream& out, const Resources& r) { return out << r.ToString(); }

 private:
  std::vector<Resource> entries_;
};

// As Mesos demands of a role (reference 2.1). The sentence names the role and the rule.
Status ValidateRole(std::string_view role);
// True if `ancestor` is a proper ancestor of `role` in the tree ("a" of "a/b").
bool IsStrictSubrole(std::string_view role, std::string_view ancestor);

// The --attributes flag: "rack:r1;os:[1-3];disk:{a,b};load:1.5" .
Result<google::protobuf::RepeatedPtrField<v1::Attribute>> ParseAttributes(std::string_view text);
// A value as in --resources and --attributes: scalar, [ranges], {set} or text.
Result<v1::Value> ParseValue(std::string_view text);

// "cpus:4; ports:[1-2]" of messages, and of a value alone; as Mesos prints them in messages and v0 JSON.
std::string FormatValue(const v1::Resource& resource);
std::string FormatResources(const google::protobuf::RepeatedPtrField<v1::Resource>& resources);

}  // namespace tepui
