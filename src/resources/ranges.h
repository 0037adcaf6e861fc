// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace tepui {

// Sets of unsigned integers as inclusive ranges. In normal form: sorted, no two overlap or touch.
// Safe over the whole of uint64, 2^64-1 included.
using Range = std::pair<uint64_t, uint64_t>;
using Ranges = std::vector<Range>;

// Sorts and joins what overlaps or touches. Every range must have begin <= end.
void Coalesce(Ranges* ranges);

// All of these take and return the normal form.
Ranges Union(std::span<const Range> a, std::span<const Range> b);
Ranges Difference(std::span<const Range> a, std::span<const Range> b);
bool Includes(std::span<const Range> a,
              std::span<const Range> b);  // Returns true if `b` is a subset of `a`.

}  // namespace tepui
