// SPDX-License-Identifier: Apache-2.0
#include "capacity/text.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace tepui::capacity {

std::string ShortDuration(Duration duration) {
  constexpr std::array<std::pair<double, std::string_view>, 7> kUnits = {{{86'400e9, "days"},
                                                                          {3'600e9, "hrs"},
                                                                          {60e9, "mins"},
                                                                          {1e9, "secs"},
                                                                          {1e6, "ms"},
                                                                          {1e3, "us"},
                                                                          {1, "ns"}}};
  const auto nanoseconds = static_cast<double>(duration.count());
  for (const auto& [size, unit] : kUnits) {
    // A value that rounds up to the next unit is shown in that unit.
    if (nanoseconds < size * 0.9995) continue;
    const double number = nanoseconds / size;
    const int decimals = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
    std::string digits = fmt::format("{:.{}f}", number, decimals);
    if (decimals != 0) {
      digits.erase(digits.find_last_not_of('0') + 1);
      if (digits.ends_with('.')) digits.pop_back();
    }
    return fmt::format("{}{}", digits, unit);
  }
  return "0";
}

std::string Grouped(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  return grouped;
}

std::string Percent(double part) { return fmt::format("{:.1f}%", part * 100); }

}  // namespace tepui::capacity
