// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "capacity/report.h"

namespace tepui::capacity {

// Draws the series of a report over time: the allocated and offered part of each resource, how many
// tasks wait and run, and the dominant shares of the roles. The picture is self-contained (no
// script, font or style from elsewhere) and follows the viewer's light or dark preference. At most
// kMaxLines lines per panel: the resources named first, the roles with the largest shares.
inline constexpr size_t kMaxLines = 6;
std::string ToSvg(const Report& report);
// A page with the picture and the report's table.
std::string ToHtml(const Report& report);

}  // namespace tepui::capacity
