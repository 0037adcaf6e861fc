// SPDX-License-Identifier: Apache-2.0
#include "base/nearest_name.h"

#include <algorithm>
#include <vector>

namespace tepui {
namespace {

// Longer words are not typing errors of any name, and the cost is quadratic in their length.
constexpr size_t kMaxLength = 80;

// Counts insertions, deletions, replacements and swaps of neighbours between two names.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> rows(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows.back().back();
}

}  // namespace

std::optional<size_t> NearestName(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > kMaxLength) return std::nullopt;
  std::optional<size_t> best;
  size_t best_distance = std::max<size_t>(2, name.size() / 4) + 1;
  for (size_t i = 0; i < known.size(); ++i) {
    const size_t distance = EditDistance(name, known[i]);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = i;
  }
  return best;
}

}  // namespace tepui
