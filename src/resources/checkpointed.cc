// SPDX-License-Identifier: Apache-2.0
#include "resources/checkpointed.h"

#include <utility>
#include <vector>

namespace tepui {
namespace {

// Undoes what operations did to the resource: removes the volume, if it is one, and dynamic
// reservations.
Resource Pristine(const Resource& resource) {
  const Resource disk = resource.is_persistent_volume() ? resource.WithoutVolume() : resource;
  std::vector<Resource::ReservationInfo> reservations(disk.reservations().begin(),
                                                      disk.reservations().end());
  while (!reservations.empty() &&
         reservations.back().type() == Resource::ReservationInfo::DYNAMIC) {
    reservations.pop_back();
  }
  return disk.WithReservations(std::move(reservations));
}

}  // namespace

Result<Resources> WithCheckpointed(const Resources& flags, const Resources& checkpointed) {
  Resources total = flags;
  for (const Resource& resource : checkpointed) {
    if (flags.Contains(resource)) continue;  // The flags contain it already.
    const Resource pristine = Pristine(resource);
    if (!total.Contains(pristine)) {
      return Fail(Code::kInvalid, "The agent holds {}, which is no part of its resources {}",
                  resource.ToString(), flags.ToString());
    }
    total -= pristine;
    total += resource;
  }
  return total;
}

}  // namespace tepui
