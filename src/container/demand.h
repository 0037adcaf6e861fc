// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "resources/resources.h"

namespace tepui::containers {

// Hard limits by resource name (cpus, mem); infinity means no limit.
using Limits = std::vector<std::pair<std::string, double>>;

// What a container may use.
struct Demand {
  Resources requests;
  Limits limits;

  // Returns the limit of the resource; nothing if it has none of its own.
  std::optional<double> Limit(std::string_view name) const {
    for (const auto& [limited, value] : limits) {
      if (limited == name) return value;
    }
    return std::nullopt;
  }
};

}  // namespace tepui::containers
