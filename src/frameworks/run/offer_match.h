// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "resources/resources.h"

namespace tepui::frameworks {

// Takes `wanted` out of `*offered` (both without allocation info). Plain amounts are taken from
// resources reserved to `role` first, then from unreserved ones; resources that have reservations
// or disks of their own are matched exactly. Returns the resources as offered, or nothing if there
// are not enough; `*offered` is unchanged then.
std::optional<Resources> TakeFrom(Resources* offered, const Resources& wanted,
                                  std::string_view role);

}  // namespace tepui::frameworks
