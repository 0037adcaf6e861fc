// SPDX-License-Identifier: Apache-2.0
#include "resources/ranges.h"

#include <algorithm>
#include <limits>

namespace tepui {
namespace {

// Joins `next` to the last range if they overlap or touch; otherwise appends it. `next` must not
// begin before the last range begins.
void Append(Ranges* out, Range next) {
  if (!out->empty()) {
    Range& last = out->back();
    const bool touches =
        last.second == std::numeric_limits<uint64_t>::max() || next.first <= last.second + 1;
    if (touches) {
      last.second = std::max(last.second, next.second);
      return;
    }
  }
  out->push_back(next);
}

}  // namespace

void Coalesce(Ranges* ranges) {
  std::ranges::sort(*ranges);
  Ranges joined;
  joined.reserve(ranges->size());
  for (const Range& range : *ranges) Append(&joined, range);
  *ranges = std::move(joined);
}

Ranges Union(std::span<const Range> a, std::span<const Range> b) {
  Ranges out;
  out.reserve(a.size() + b.size());
  while (!a.empty() || !b.empty()) {
    auto& first = b.empty() || (!a.empty() && a.front() <= b.front()) ? a : b;
    Append(&out, first.front());
    first = first.subspan(1);
  }
  return out;
}

Ranges Difference(std::span<const Range> a, std::span<const Range> b) {
  Ranges out;
  out.reserve(a.size() + b.size());
  size_t at = 0;
  for (auto [begin, end] : a) {
    while (at < b.size() && b[at].second < begin) ++at;
    bool rest = true;  // [begin, end] still has to be written.
    // The last range of b that overlaps this one may overlap the next one too, so `at` stays on it.
    for (size_t i = at; rest && i < b.size() && b[i].first <= end; ++i) {
      if (b[i].first > begin) out.emplace_back(begin, b[i].first - 1);
      rest = b[i].second < end;
      if (rest) {
        begin = b[i].second + 1;
        at = i + 1;
      }
    }
    if (rest) out.emplace_back(begin, end);
  }
  return out;
}

bool Includes(std::span<const Range> a, std::span<const Range> b) {
  // If b has far fewer ranges than a, search; otherwise walk both.
  const bool search = b.size() * 16 < a.size();
  auto at = a.begin();
  for (const Range& range : b) {
    const auto ends_before = [&](const Range& candidate) {
      return candidate.second < range.second;
    };
    at = search ? std::partition_point(at, a.end(), ends_before)
                : std::find_if_not(at, a.end(), ends_before);
    if (at == a.end() || at->first > range.first) return false;
  }
  return true;
}

}  // namespace tepui
