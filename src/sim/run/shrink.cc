// SPDX-License-Identifier: Apache-2.0
#include "sim/run/shrink.h"

#include <algorithm>
#include <utility>

namespace tepui::sim {

Shrunk Shrink(std::vector<int> numbers, const std::function<bool(const std::vector<int>&)>& fails,
              int max_runs) {
  Shrunk shrunk{.numbers = std::move(numbers), .runs = 0, .minimal = false};
  // Tries to leave out one part after another; parts get smaller when none of them can be left out,
  // and larger again after one could.
  size_t parts = 2;
  while (!shrunk.numbers.empty()) {
    const size_t count = shrunk.numbers.size();
    parts = std::min(parts, count);
    bool left_out = false;
    for (size_t part = 0; part < parts && !left_out; ++part) {
      if (shrunk.runs == max_runs) return shrunk;
      std::vector<int> rest = shrunk.numbers;
      rest.erase(rest.begin() + static_cast<int64_t>(count * part / parts),
                 rest.begin() + static_cast<int64_t>(count * (part + 1) / parts));
      ++shrunk.runs;
      left_out = fails(rest);
      if (left_out) shrunk.numbers = std::move(rest);
    }
    if (left_out) {
      parts = std::max<size_t>(2, parts - 1);
    } else if (parts == count) {
      break;
    } else {
      parts *= 2;
    }
  }
  shrunk.minimal = true;
  return shrunk;
}

}  // namespace tepui::sim
