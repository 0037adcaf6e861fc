// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tepui {

// Returns the index in `known` of the name that was most likely meant by `name`, judged by the
// number of typing errors between them; nothing if all are too far from it. The first one wins a
// tie.
std::optional<size_t> NearestName(std::string_view name, std::span<const std::string_view> known);

}  // namespace tepui
