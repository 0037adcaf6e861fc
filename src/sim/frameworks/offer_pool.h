#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>

#include "mesos/v1/mesos.pb.h"
#include "resources/resources.h"

namespace tepui::sim {

namespace v1 = ::mesos::v1;

// What offers of one agent hold, from which a framework carves its tasks. What is taken keeps its
// metadata (reservations, the role it is allocated to); what is reserved goes first. Volumes,
// revocable and shared resources are left alone.
class OfferPool {
 public:
  using List = google::protobuf::RepeatedPtrField<v1::Resource>;

  // The form in which resources are written into `List`s.
  explicit OfferPool(ResourceFormat format) : format_(format) {}

  void Add(const v1::Offer& offer);

  // Appends to `*taken`; false and nothing if there is not enough.
  bool Take(const Quantities& wanted, List* taken);
  // Of what is not reserved, as it is.
  bool TakeUnreserved(const Quantities& wanted, Resources* taken);
  // One port.
  bool TakePort(List* taken);

  const Resources& left() const { return left_; }

 private:
  const ResourceFormat format_;
  Resources left_;
};

// "cpus", "mem" and "disk" in their units.
Quantities Amounts(double cpus, double mem, double disk = 0);

}  // namespace tepui::sim
