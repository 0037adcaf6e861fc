// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace tepui::capacity {

// Numbers as people read them.

// Three digits: "0", "350ms", "12.3secs", "4.2mins".
std::string ShortDuration(Duration duration);
// With commas between thousands: "1,234,567".
std::string Grouped(uint64_t number);
// Formats a fraction of 1 with one decimal: "61.2%".
std::string Percent(double part);

}  // namespace tepui::capacity
