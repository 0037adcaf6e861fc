// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tepui {

// A scalar amount in thousandths. It has 128 bits, so sums of amounts are exact: more amounts than
// fit into a process, each the largest that is accepted from outside, stay far within its range.
class Amount {
 public:
  // The largest value that is accepted from outside, and the largest sum of one name in a list of
  // resources (Resources::CheckBounds). Up to it, every amount is printed (15 digits) and written
  // as a double exactly. A disk of this many megabytes holds an exabyte.
  static constexpr int64_t kMaxMilli = 1'000'000'000'000'000;

  constexpr Amount() = default;
  static constexpr Amount FromMilli(int64_t milli) { return Amount(milli); }
  // Rounds to the nearest thousandth, halves away from zero. The caller must have checked that
  // `value` is finite and in range.
  static Amount FromDouble(double value);
  // Like FromDouble, for a value from outside: it must be finite, not negative, and at most
  // kMaxMilli.
  static Result<Amount> Checked(double value);

  // A sum that does not fit is clamped.
  constexpr int64_t milli() const {
    constexpr Wide kLeast = std::numeric_limits<int64_t>::min();
    constexpr Wide kMost = std::numeric_limits<int64_t>::max();
    return static_cast<int64_t>(std::clamp(milli_, kLeast, kMost));
  }
  double ToDouble() const;
  // Writes at most three decimals and 15 digits, as Mesos prints scalars: "4", "0.5", "1024.125".
  std::string ToString() const;

  friend constexpr auto operator<=>(Amount, Amount) = default;
  constexpr Amount operator+(Amount b) const { return Amount(milli_ + b.milli_); }
  constexpr Amount operator-(Amount b) const { return Amount(milli_ - b.milli_); }
  constexpr Amount operator*(int64_t times) const { return Amount(milli_ * times); }
  constexpr Amount& operator+=(Amount b) { return *this = *this + b; }
  constexpr Amount& operator-=(Amount b) { return *this = *this - b; }
  // Returns which fraction of `whole` this is. `whole` must not be zero.
  constexpr double operator/(Amount whole) const {
    return Approximate(milli_) / Approximate(whole.milli_);
  }

 private:
  // `__extension__` because -Wpedantic rejects 128-bit integers.
  __extension__ using Wide = __int128;

  explicit constexpr Amount(Wide milli) : milli_(milli) {}
  // Nearly every amount has 64 bits, which convert faster.
  static constexpr double Approximate(Wide milli) {
    const auto narrow = static_cast<int64_t>(milli);
    return narrow == milli ? static_cast<double>(narrow) : static_cast<double>(milli);
  }

  Wide milli_ = 0;
};

// A resource's name as a small number: cpus, mem, disk, gpus and ports have fixed numbers. Others
// get one when they first appear, and have it as long as any ResourceName of them exists; then the
// number is given to another name. Process-wide and thread-safe; copying a name that has no fixed
// number counts a reference. At most 2^16 names exist at a time. Resources::CheckBounds limits how
// many a single peer can bring, so that it takes hundreds of hostile peers to use all up.
class ResourceName {
 public:
  static constexpr size_t kMaxLength = 128;

  constexpr ResourceName() = default;  // "cpus".
  constexpr ResourceName(const ResourceName& other) : index_(other.index_) {
    if (!is_fixed()) Retain();
  }
  constexpr ResourceName(ResourceName&& other) noexcept : index_(std::exchange(other.index_, 0)) {}
  constexpr ResourceName& operator=(ResourceName other) noexcept {
    std::swap(index_, other.index_);
    return *this;
  }
  constexpr ~ResourceName() {
    if (!is_fixed()) Release();
  }

  // kInvalid for an empty or too long name, and for a name with characters that would make the
  // printed form ambiguous: control characters, white space, any of ()[]{}<>:;," and backslash.
  // kUnavailable for a new name while 2^16 exist.
  static Result<ResourceName> Of(std::string_view name);
  // Returns true for the names that have fixed numbers.
  static bool IsFixed(std::string_view name);

  // Valid as long as the name exists.
  const std::string& text() const;
  constexpr uint16_t index() const { return index_; }
  friend constexpr auto operator<=>(const ResourceName&, const ResourceName&) = default;

 private:
  friend struct ResourceNames;
  static constexpr uint16_t kFixed = 5;  // The number of fixed names.

  // Takes over a reference.
  explicit constexpr ResourceName(uint16_t index) : index_(index) {}
  constexpr bool is_fixed() const { return index_ < kFixed; }
  void Retain() const;
  void Release() const;

  uint16_t index_ = 0;
};

struct ResourceNames {
  static constexpr ResourceName Cpus() { return ResourceName(0); }
  static constexpr ResourceName Mem() { return ResourceName(1); }
  static constexpr ResourceName Disk() { return ResourceName(2); }
  static constexpr ResourceName Gpus() { return ResourceName(3); }
  static constexpr ResourceName Ports() { return ResourceName(4); }
};

// Scalar amounts by name, without the resources' metadata; used for fair shares, quotas and
// minimums. Zero amounts are not held. Sorted by name index.
class Quantities {
 public:
  Quantities() = default;
  // "cpus:0.01;mem:32": scalars only, no duplicates.
  static Result<Quantities> Parse(std::string_view text);

  Amount Get(const ResourceName& name) const;
  void Set(const ResourceName& name, Amount amount);
  void Add(const ResourceName& name, Amount amount);
  bool empty() const { return entries_.empty(); }
  // Returns true if every amount of `other` is at most the amount here.
  bool Contains(const Quantities& other) const;

  Quantities& operator+=(const Quantities& other);
  // Amounts that would fall below zero become zero.
  Quantities& operator-=(const Quantities& other);
  friend bool operator==(const Quantities&, const Quantities&) = default;

  // "cpus:0.01; mem:32"; "{}" if empty.
  std::string ToString() const;

  using Entry = std::pair<ResourceName, Amount>;
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace tepui
