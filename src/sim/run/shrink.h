// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

namespace tepui::sim {

// Delta debugging: a shorter list of the numbers for which `fails` still holds, as it does for
// `numbers`. The list is minimal (without any one of them it does not fail) if `max_runs` calls of
// `fails` were enough to find it.
struct Shrunk {
  std::vector<int> numbers;
  int runs = 0;
  bool minimal = false;
};
Shrunk Shrink(std::vector<int> numbers, const std::function<bool(const std::vector<int>&)>& fails,
              int max_runs);

}  // namespace tepui::sim
