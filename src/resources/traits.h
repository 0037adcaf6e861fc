// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mesos/v1/mesos.pb.h"
#include "resources/counted.h"

namespace tepui {

namespace v1 = ::mesos::v1;

// What distinguishes a resource from a plain one of its name, except for flags and allocation: the
// stack of reservations, the disk, the provider. Immutable, and shared by all copies of the
// resource.
class ResourceTraits : public Counted {
 public:
  struct Fields {
    std::vector<v1::Resource::ReservationInfo>
        reservations;  // Bottom first; the role of each is a subrole of the one before.
    std::optional<v1::Resource::DiskInfo> disk;
    std::optional<std::string> provider_id;

    bool empty() const { return reservations.empty() && !disk && !provider_id; }
  };

  explicit ResourceTraits(Fields fields);
  // Returns null if `fields` is empty.
  static Ref<const ResourceTraits> Make(Fields fields);

  const Fields& fields() const { return fields_; }
  // Two identities are equal exactly if Mesos considers the traits equal: the order of labels, a
  // disk's volume (how it is used, not what it is) and the persistence's principal do not count.
  const std::string& identity() const { return identity_; }
  // MOUNT and BLOCK disks, RAW disks with an id and persistent volumes are added, subtracted and
  // contained only as a whole.
  bool indivisible() const { return indivisible_; }

 private:
  Fields fields_;
  std::string identity_;
  bool indivisible_;
};

// The name of the role that a resource is allocated to.
struct AllocationRole : Counted {
  explicit AllocationRole(std::string_view role) : text(role) {}
  const std::string text;
};

// Returns a reference to `role`, usually the same object for the same text on the same thread (a
// small cache), so that allocating to a role seldom allocates memory and comparing seldom compares
// characters.
Ref<const AllocationRole> ShareRole(std::string_view role);

}  // namespace tepui
