#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tepui {

// The index of the one of `known` that somebody who wrote `name` most likely meant, by the number
// of typing errors between them; nothing if all are far from it. Of equally near ones the first.
std::optional<size_t> NearestName(std::string_view name, std::span<const std::string_view> known);

}  // namespace tepui
