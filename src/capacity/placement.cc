// SPDX-License-Identifier: Apache-2.0
#include "capacity/placement.h"

#include <algorithm>
#include <cassert>

namespace tepui::capacity {
namespace {

bool IsUsable(const Resource& resource, const ResourceName& name) {
  return resource.name() == name && resource.is_scalar() && !resource.is_revocable() &&
         !resource.is_shared() && resource.disk() == nullptr && resource.provider_id().empty();
}

}  // namespace

bool Fits(const Quantities& amounts, const Resources& offered) {
  return std::ranges::all_of(amounts, [&](const Quantities::Entry& wanted) {
    Amount usable;
    for (const Resource& resource : offered) {
      if (IsUsable(resource, wanted.first)) usable += resource.scalar();
    }
    return usable >= wanted.second;
  });
}

Resources Take(const Quantities& amounts, Resources* offered) {
  Resources taken;
  for (const auto& [name, amount] : amounts) {
    Amount left = amount;
    for (const bool reserved : {true, false}) {
      for (const Resource& resource : *offered) {
        if (left == Amount()) break;
        if (!IsUsable(resource, name) || resource.is_reserved() != reserved) continue;
        const Amount part = std::min(left, resource.scalar());
        taken += resource.WithScalar(part);
        left -= part;
      }
    }
    assert(left == Amount());
  }
  *offered -= taken;
  return taken;
}

}  // namespace tepui::capacity
