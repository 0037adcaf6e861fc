// SPDX-License-Identifier: Apache-2.0
#include "resources/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "resources/quantities.h"
#include "resources/ranges.h"

namespace tepui {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

bool BracketsMatch(std::string_view text, char open, char close) {
  int depth = 0;
  for (char c : text) {
    depth += c == open ? 1 : c == close ? -1 : 0;
    if (depth < 0) return false;
  }
  return depth == 0;
}

std::optional<uint64_t> ParseInteger(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

std::optional<double> ParseNumber(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    const auto integer = ParseInteger(text);
    return integer ? std::optional<double>(static_cast<double>(*integer)) : std::nullopt;
  }
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

Result<v1::Value> ParseRanges(std::string_view text) {
  Ranges ranges;
  for (std::string_view part : SplitTrimmed(text.substr(1, text.size() - 2), ',')) {
    const size_t dash = part.find('-');
    const auto begin = ParseInteger(part.substr(0, dash));
    const auto end =
        dash == std::string_view::npos ? std::nullopt : ParseInteger(part.substr(dash + 1));
    if (!begin || !end) {
      return Fail(Code::kInvalid, "'{}' is not a range; write begin-end with two whole numbers",
                  part);
    }
    if (*begin > *end) return Fail(Code::kInvalid, "the range '{}' ends before it begins", part);
    ranges.emplace_back(*begin, *end);
  }
  Coalesce(&ranges);
  v1::Value value;
  value.set_type(v1::Value::RANGES);
  auto* out = value.mutable_ranges();
  for (const auto& [begin, end] : ranges) {
    auto* range = out->add_range();
    range->set_begin(begin);
    range->set_end(end);
  }
  return value;
}

Result<v1::Value> ParseSet(std::string_view text) {
  v1::Value value;
  value.set_type(v1::Value::SET);
  auto* set = value.mutable_set();
  for (std::string_view item : SplitTrimmed(text.substr(1, text.size() - 2), ',')) {
    if (item.find_first_of("{}") != std::string_view::npos) {
      return Fail(Code::kInvalid, "a set cannot hold a set: '{}'", text);
    }
    set->add_item(std::string(item));
  }
  return value;
}

}  // namespace

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string_view> SplitTrimmed(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t at = text.find(separator);
    if (std::string_view part = Trimmed(text.substr(0, at)); !part.empty()) parts.push_back(part);
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  }
  return parts;
}

Result<v1::Value> ParseValue(std::string_view raw) {
  std::string text(Trimmed(raw));
  std::erase(text, ' ');
  if (text.empty()) return Fail(Code::kInvalid, "a value must not be empty");
  if (!BracketsMatch(text, '{', '}') || !BracketsMatch(text, '[', ']') ||
      !BracketsMatch(text, '(', ')')) {
    return Fail(Code::kInvalid, "the brackets of '{}' do not match", text);
  }
  if (text.front() == '[' && text.back() == ']') return ParseRanges(text);
  if (text.front() == '{' && text.back() == '}') return ParseSet(text);
  if (const size_t at = text.find_first_of("[{"); at != std::string::npos) {
    return Fail(Code::kInvalid, "'{}' is neither a list of ranges nor a set, but has a '{}'", text,
                text[at]);
  }

  v1::Value value;
  const auto number = ParseNumber(text);
  if (!number || *number < 0) {
    value.set_type(v1::Value::TEXT);
    value.mutable_text()->set_value(text);
    return value;
  }
  if (*number > 0 && *number < 0.0005) {
    return Fail(Code::kInvalid, "'{}' is too small: values are counted in thousandths", text);
  }
  value.set_type(v1::Value::SCALAR);
  value.mutable_scalar()->set_value(std::abs(*number));  // No negative zero.
  return value;
}

Result<google::protobuf::RepeatedPtrField<v1::Attribute>> ParseAttributes(std::string_view text) {
  google::protobuf::RepeatedPtrField<v1::Attribute> attributes;
  std::string lines(text);
  std::ranges::replace(lines, '\n', ';');
  for (std::string_view token : SplitTrimmed(lines, ';')) {
    const size_t colon = token.find(':');
    const std::string_view name = Trimmed(token.substr(0, colon));
    if (colon == std::string_view::npos || name.empty() || colon + 1 == token.size()) {
      return Fail(Code::kInvalid, "'{}' is not an attribute; write name:value, as in rack:r1",
                  token);
    }
    auto value = ParseValue(token.substr(colon + 1));
    if (!value) return Fail(Code::kInvalid, "attribute '{}': {}", name, value.error().message);
    auto* attribute = attributes.Add();
    attribute->set_name(std::string(name));
    attribute->set_type(value->type());
    switch (value->type()) {
      case v1::Value::SCALAR:
        *attribute->mutable_scalar() = std::move(*value->mutable_scalar());
        break;
      case v1::Value::RANGES:
        *attribute->mutable_ranges() = std::move(*value->mutable_ranges());
        break;
      case v1::Value::SET:
        *attribute->mutable_set() = std::move(*value->mutable_set());
        break;
      case v1::Value::TEXT:
        *attribute->mutable_text() = std::move(*value->mutable_text());
        break;
    }
  }
  return attributes;
}

std::string FormatValue(const v1::Value::Scalar& scalar) {
  // The value may be unchecked: it is also printed in the sentence that refuses it.
  const double value = scalar.value();
  if (!(std::abs(value) <= static_cast<double>(Amount::kMaxMilli) / 1000))
    return fmt::format("{}", value);
  return Amount::FromDouble(value).ToString();
}

std::string FormatValue(const v1::Value::Ranges& ranges) {
  std::string out = "[";
  for (const auto& range : ranges.range()) {
    if (out.size() > 1) out += ", ";
    out += fmt::format("{}-{}", range.begin(), range.end());
  }
  return out + "]";
}

std::string FormatValue(const v1::Value::Set& set) {
  return fmt::format("{{{}}}", fmt::join(set.item(), ", "));
}

std::string FormatValue(const v1::Attribute& attribute) {
  switch (attribute.type()) {
    case v1::Value::SCALAR:
      return FormatValue(attribute.scalar());
    case v1::Value::RANGES:
      return FormatValue(attribute.ranges());
    case v1::Value::SET:
      return FormatValue(attribute.set());
    case v1::Value::TEXT:
      break;
  }
  return attribute.text().value();
}

std::string FormatAttributes(const google::protobuf::RepeatedPtrField<v1::Attribute>& attributes) {
  std::string out;
  for (const v1::Attribute& attribute : attributes) {
    if (!out.empty()) out += "; ";
    out += attribute.name() + "=" + FormatValue(attribute);
  }
  return out;
}

}  // namespace tepui
