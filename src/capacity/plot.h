#pragma once

#include <string>

#include "capacity/report.h"

namespace tepui::capacity {

// Draws the series of a report: what is allocated and offered of each resource, how many tasks wait
// and run, and the dominant shares of the roles, over time. A picture that needs nothing else (no
// script, font or style from elsewhere), for light and dark surroundings as the viewer prefers. At
// most kMaxLines lines a panel: the resources first named, the roles with the largest shares.
inline constexpr size_t kMaxLines = 6;
std::string ToSvg(const Report& report);
// A page with the picture and the report's table.
std::string ToHtml(const Report& report);

}  // namespace tepui::capacity
