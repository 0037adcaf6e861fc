// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tepui {

// A scalar amount in thousandths. Sums and differences beyond the range of int64 are clamped: a
// hostile sum is wrong, never undefined. (A single value read from outside is far below it, see
// kMax.)
class Amount {
 public:
  // The largest value that is accepted from outside. Up to it, every amount is printed (15 digits)
  // and written as a double exactly. A disk of this many megabytes holds an exabyte.
  static constexpr int64_t kMaxMilli = 1'000'000'000'000'000;

  constexpr Amount() = default;
  static constexpr Amount FromMilli(int64_t milli) { return Amount(milli); }
  // Rounds to the nearest thousandth, halves away from zero. The caller must have checked that
  // `value` is finite and in range.
  static Amount FromDouble(double value);
  // Like FromDouble, for a value from outside: it must be finite, not negative, and at most
  // kMaxMilli.
  static Result<Amount> Checked(double value);

  constexpr int64_t milli() const { return milli_; }
  double ToDouble() const;
  // Writes at most three decimals and 15 digits, as Mesos prints scalars: "4", "0.5", "1024.125".
  std::string ToString() const;

  friend constexpr auto operator<=>(Amount, Amount) = default;
  constexpr Amount operator+(Amount b) const { return Amount(Sum(milli_, b.milli_)); }
  constexpr Amount operator-(Amount b) const { return Amount(Difference(milli_, b.milli_)); }
  constexpr Amount& operator+=(Amount b) { return *this = *this + b; }
  constexpr Amount& operator-=(Amount b) { return *this = *this - b; }

 private:
  explicit constexpr Amount(int64_t milli) : milli_(milli) {}

  static constexpr int64_t Sum(int64_t a, int64_t b) {
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) return End(b > 0);
    return sum;
  }
  static constexpr int64_t Difference(int64_t a, int64_t b) {
    int64_t difference = 0;
    if (__builtin_sub_overflow(a, b, &difference)) return End(b < 0);
    return difference;
  }
  static constexpr int64_t End(bool upper) {
    return upper ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
  }

  int64_t milli_ = 0;
};

// A resource's name as a small number: cpus, mem, disk, gpus and ports have fixed numbers, others
// get one when they first appear. Process-wide, append-only and thread-safe; at most 2^16 names
// (validation refuses more).
class ResourceName {
 public:
  static constexpr size_t kMaxLength = 128;

  constexpr ResourceName() = default;  // "cpus".
  // kInvalid for an empty or too long name, and for a name with characters that would make the
  // printed form ambiguous: control characters, white space, any of ()[]{}<>:;," and backslash.
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

// Scalar amounts by name, without the resources' metadata; used for fair shares, quotas and
// minimums. Zero amounts are not held. Sorted by name index.
class Quantities {
 public:
  Quantities() = default;
  // "cpus:0.01;mem:32": scalars only, no duplicates.
  static Result<Quantities> Parse(std::string_view text);

  Amount Get(ResourceName name) const;
  void Set(ResourceName name, Amount amount);
  void Add(ResourceName name, Amount amount);
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
