#pragma once

#include <optional>
#include <string_view>

#include "resources/resources.h"

namespace tepui::frameworks {

// Takes `wanted` out of `*offered` (both without allocation info): plain amounts from what is
// reserved to `role` first and from what is unreserved then, anything with reservations or disks of
// its own exactly as it is. The resources as the offer has them; nothing, and `*offered` as it was,
// if they are not there.
std::optional<Resources> TakeFrom(Resources* offered, const Resources& wanted,
                                  std::string_view role);

}  // namespace tepui::frameworks
