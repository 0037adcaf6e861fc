// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// Resources of the offers of one agent, from which a framework takes those of its tasks. They keep
// their metadata (reservations, the role they are allocated to); reserved resources are taken
// first. Volumes, revocable and shared resources are never taken.
class OfferPool {
 public:
  using List = google::protobuf::RepeatedPtrField<v1::Resource>;

  // `format` is the form in which resources are written into `List`s.
  explicit OfferPool(ResourceFormat format) : format_(format) {}

  void Add(const v1::Offer& offer);

  // Appends to `*taken`. Returns false and takes nothing if there is not enough.
  bool Take(const Quantities& wanted, List* taken);
  // Takes unreserved resources only, unchanged.
  bool TakeUnreserved(const Quantities& wanted, Resources* taken);
  // Takes one port.
  bool TakePort(List* taken);

  const Resources& left() const { return left_; }

 private:
  const ResourceFormat format_;
  Resources left_;
};

// "cpus", "mem" and "disk" in their Mesos units.
Quantities Amounts(double cpus, double mem, double disk = 0);

}  // namespace tepui::sim
