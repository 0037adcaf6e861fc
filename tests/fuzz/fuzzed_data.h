// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <span>
#include <string>

#include "base/result.h"
#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::fuzz {

// Turns the fuzzer's bytes into decisions, one byte each, so that a changed byte changes one
// decision. Everything is 0 or false when the bytes are used up.
class FuzzedData {
 public:
  FuzzedData(const uint8_t* data, size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }
  // Returns a number below `bound`, which is at most 256.
  size_t Below(size_t bound) {
    if (rest_.empty()) return 0;
    const uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte % bound;
  }
  bool Flag() { return Below(2) != 0; }
  template <class T, size_t N>
  T Pick(const std::array<T, N>& choices) {
    return choices[Below(N)];
  }

 private:
  std::span<const uint8_t> rest_;
};

// Ends the process, which the fuzzer counts as a find, if an invariant is broken.
inline void Expect(const Status& held) {
  if (held) return;
  std::fprintf(stderr, "broken: %s\n", held.error().message.c_str());
  std::abort();
}

// --- What peers send that means ill, or that nobody tested.

using ResourceList = google::protobuf::RepeatedPtrField<v1::Resource>;

// Amounts that a master accepts one by one, most of them near the limit.
inline double AnyAmount(FuzzedData& data) {
  constexpr double kMost = static_cast<double>(Amount::kMaxMilli) / 1000;
  return data.Pick<double>(std::array{0.0, 0.001, 1.0, 4.0, 1000.0, kMost / 3, kMost / 2, kMost - 1,
                                      kMost - 0.001, kMost});
}

// Times and other numbers for which any double may be sent.
inline double AnyNumber(FuzzedData& data) {
  using Limits = std::numeric_limits<double>;
  return data.Pick<double>(std::array{0.0, 1.0, 5.0, 3600.0, -1.0, 1e9, 9.2e9, 1e18, 1e300,
                                      Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(),
                                      Limits::denorm_min()});
}

inline int64_t AnyNanoseconds(FuzzedData& data) {
  using Limits = std::numeric_limits<int64_t>;
  return data.Pick<int64_t>(
      std::array<int64_t, 6>{0, 1, 5'000'000'000, -1, Limits::max(), Limits::min()});
}

inline std::string AnyRole(FuzzedData& data) {
  return data.Pick<const char*>(std::array{"r", "r/s", "r/s/t", "q", "*"});
}

inline std::string AnyName(FuzzedData& data) {
  const size_t name = data.Below(16);
  constexpr std::array kKnown = {"cpus", "mem", "disk", "gpus", "ports"};
  return name < kKnown.size() ? kKnown[name] : "custom-" + std::to_string(name);
}

inline void AddReservation(FuzzedData& data, v1::Resource* resource) {
  auto* reservation = resource->add_reservations();
  reservation->set_type(data.Flag() ? v1::Resource::ReservationInfo::STATIC
                                    : v1::Resource::ReservationInfo::DYNAMIC);
  reservation->set_role(AnyRole(data));
}

inline void AddVolume(FuzzedData& data, v1::Resource* resource) {
  resource->mutable_disk()->mutable_persistence()->set_id("v" + std::to_string(data.Below(3)));
  resource->mutable_disk()->mutable_volume()->set_container_path("data");
  resource->mutable_disk()->mutable_volume()->set_mode(v1::Volume::RW);
  if (data.Flag()) resource->mutable_shared();
}

inline void AddRanges(FuzzedData& data, v1::Resource* resource) {
  constexpr std::array<uint64_t, 5> kEnds = {0, 31000, 32000, UINT64_MAX - 1, UINT64_MAX};
  for (size_t left = data.Below(3) + 1; left != 0; --left) {
    auto* range = resource->mutable_ranges()->add_range();
    range->set_begin(data.Pick(kEnds));
    range->set_end(data.Pick(kEnds));
  }
}

// Adds a resource that may be invalid, so that refusals run as well.
inline void AddResource(FuzzedData& data, ResourceList* list) {
  v1::Resource* resource = list->Add();
  resource->set_name(AnyName(data));
  if (resource->name() == "ports") {
    resource->set_type(v1::Value::RANGES);
    AddRanges(data, resource);
  } else {
    resource->set_type(v1::Value::SCALAR);
    resource->mutable_scalar()->set_value(data.Below(16) == 0 ? AnyNumber(data) : AnyAmount(data));
  }
  const size_t more = data.Below(16);
  if (more >= 10) AddReservation(data, resource);
  if (more == 12) AddReservation(data, resource);
  if (more >= 13) AddVolume(data, resource);
  if (more == 9) resource->mutable_revocable();
}

inline void AddResources(FuzzedData& data, ResourceList* list) {
  for (size_t left = data.Below(5); left != 0; --left) AddResource(data, list);
  // Many equal ones overflow if each is checked alone.
  if (!list->empty() && data.Below(16) == 0) {
    for (size_t left = data.Below(256) * 64; left != 0; --left) {
      const v1::Resource copy = list->at(list->size() - 1);
      *list->Add() = copy;
    }
  }
}

}  // namespace tepui::fuzz
