// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace tepui {

// Durations and sizes in the syntax of flags and messages (reference 7): "15secs", "1.5mins",
// "10KB".

// Suffixes ns, us, ms, secs, mins, hrs, days, weeks. Negative values are read; the caller refuses
// them where needed.
Result<Duration> ParseDuration(std::string_view text);

// Uses the largest unit that gives a number of one or more, or a smaller one if that number needs
// more than three decimals: "1.5mins", but "10days". ParseDuration reads back exactly the same
// duration.
std::string FormatDuration(Duration duration);

// Suffixes B, KB, MB, GB, TB (powers of 1024), in any case; whole numbers only.
Result<uint64_t> ParseBytes(std::string_view text);
// Uses the largest unit that gives a whole number: "10KB", "1025B".
std::string FormatBytes(uint64_t bytes);

}  // namespace tepui
