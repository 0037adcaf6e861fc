// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

namespace tepui {
namespace {

struct DurationUnit {
  std::string_view name;
  int64_t nanoseconds;
};

// Largest first.
constexpr std::array<DurationUnit, 8> kDurationUnits = {{
    {"weeks", 604'800'000'000'000},
    {"days", 86'400'000'000'000},
    {"hrs", 3'600'000'000'000},
    {"mins", 60'000'000'000},
    {"secs", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
}};

struct ByteUnit {
  std::string_view name;
  uint64_t bytes;
};

constexpr std::array<ByteUnit, 5> kByteUnits = {{
    {"TB", uint64_t{1} << 40},
    {"GB", uint64_t{1} << 30},
    {"MB", uint64_t{1} << 20},
    {"KB", uint64_t{1} << 10},
    {"B", 1},
}};

// More digits than this before the point overflow any unit; after the point they are below a
// nanosecond even of a week.
constexpr size_t kMaxWholeDigits = 19;
constexpr size_t kMaxFractionDigits = 18;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view TakeDigits(std::string_view* text) {
  size_t length = 0;
  while (length < text->size() && IsDigit((*text)[length])) ++length;
  const std::string_view digits = text->substr(0, length);
  text->remove_prefix(length);
  return digits;
}

// `__extension__` because -Wpedantic rejects 128-bit integers.
__extension__ using Wide = __int128;

Wide ToNumber(std::string_view digits) {
  Wide value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  const std::string_view whole = TakeDigits(&rest);
  std::string_view fraction;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = TakeDigits(&rest);
  }
  if (whole.empty() && fraction.empty()) {
    return Fail(Code::kInvalid,
                "'{}' is not a duration: write a number and a unit, like 15secs or 1.5mins", text);
  }
  const auto unit = std::ranges::find(kDurationUnits, rest, &DurationUnit::name);
  if (unit == kDurationUnits.end()) {
    return Fail(Code::kInvalid,
                "'{}' has {}: the units are ns, us, ms, secs, mins, hrs, days and weeks", text,
                rest.empty() ? std::string("no unit") : fmt::format("the unknown unit '{}'", rest));
  }
  const std::string_view digits =
      whole.substr(std::min(whole.find_first_not_of('0'), whole.size()));
  const Wide limit = std::numeric_limits<int64_t>::max();
  Wide nanoseconds = limit + 1;
  if (digits.size() <= kMaxWholeDigits) {
    nanoseconds = ToNumber(digits) * unit->nanoseconds;
    Wide scale = 1;
    const std::string_view used = fraction.substr(0, kMaxFractionDigits);
    for (size_t i = 0; i < used.size(); ++i) scale *= 10;
    nanoseconds += ToNumber(used) * unit->nanoseconds / scale;
  }
  if (nanoseconds > limit) {
    return Fail(Code::kInvalid, "'{}' is too long: a duration ends at about 15250weeks", text);
  }
  const auto value = static_cast<int64_t>(nanoseconds);
  return Duration(negative ? -value : value);
}

std::string FormatDuration(Duration duration) {
  const int64_t count = duration.count();
  // The negation is unsigned because the smallest int64_t has no positive counterpart.
  const uint64_t magnitude =
      count < 0 ? uint64_t{0} - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  const std::string_view sign = count < 0 ? "-" : "";
  for (const DurationUnit& unit : kDurationUnits) {
    const auto size = static_cast<uint64_t>(unit.nanoseconds);
    if (magnitude < size) continue;
    const uint64_t whole = magnitude / size;
    const uint64_t rest = magnitude % size;
    if (rest == 0) return fmt::format("{}{}{}", sign, whole, unit.name);
    // This is at most a week (6e14) times 1000, so it does not overflow.
    if (rest * 1000 % size != 0) continue;
    std::string decimals = fmt::format("{:03}", rest * 1000 / size);
    decimals.erase(decimals.find_last_not_of('0') + 1);
    return fmt::format("{}{}.{}{}", sign, whole, decimals, unit.name);
  }
  return "0ns";
}

Result<uint64_t> ParseBytes(std::string_view text) {
  std::string_view rest = text;
  const std::string_view digits = TakeDigits(&rest);
  if (digits.empty() || rest.starts_with('.')) {
    return Fail(Code::kInvalid, "'{}' is not a size: write a whole number and a unit, like 512MB",
                text);
  }
  std::string suffix(rest);
  std::ranges::transform(suffix, suffix.begin(), [](unsigned char c) { return std::toupper(c); });
  const auto unit = std::ranges::find(kByteUnits, suffix, &ByteUnit::name);
  if (unit == kByteUnits.end()) {
    return Fail(Code::kInvalid, "'{}' has {}: the units are B, KB, MB, GB and TB", text,
                rest.empty() ? std::string("no unit") : fmt::format("the unknown unit '{}'", rest));
  }
  const std::string_view significant =
      digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
  const Wide limit = std::numeric_limits<uint64_t>::max();
  const Wide bytes =
      significant.size() <= 20 ? ToNumber(significant) * static_cast<Wide>(unit->bytes) : limit + 1;
  if (bytes > limit)
    return Fail(Code::kInvalid, "'{}' is too large: a size ends at 16777215TB", text);
  return static_cast<uint64_t>(bytes);
}

std::string FormatBytes(uint64_t bytes) {
  for (const ByteUnit& unit : kByteUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0)
      return fmt::format("{}{}", bytes / unit.bytes, unit.name);
  }
  return "0B";
}

}  // namespace tepui
