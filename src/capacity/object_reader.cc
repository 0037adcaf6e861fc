// SPDX-License-Identifier: Apache-2.0
#include "capacity/object_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/nearest_name.h"
#include "base/units.h"

namespace tepui::capacity {
namespace {

constexpr size_t kMaxShown = 60;

}  // namespace

std::vector<std::string> Problems::Take() {
  std::vector<std::string> taken = std::exchange(sentences_, {});
  const size_t left_out = std::exchange(found_, 0) - taken.size();
  if (left_out != 0) taken.push_back(fmt::format("... and {} more", left_out));
  return taken;
}

std::string Shown(const boost::json::value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = boost::json::serialize(value);
  if (value.is_double()) text = fmt::format("{}", value.get_double());
  if (text.size() > kMaxShown) text.replace(kMaxShown, std::string::npos, "...");
  return text;
}

ObjectReader::ObjectReader(const JsonDocument& document, const boost::json::value& value,
                           std::string path, Problems* problems)
    : document_(document), object_(value.if_object()), path_(std::move(path)), problems_(problems) {
  if (object_ != nullptr) return;
  problems_->Add(fmt::format("{}: expected an object in braces, not {}", document_.Where(path_),
                             Shown(value)));
}

bool ObjectReader::Has(std::string_view key) const {
  return object_ != nullptr && object_->if_contains({key.data(), key.size()}) != nullptr;
}

void ObjectReader::Require(std::initializer_list<std::string_view> keys) {
  if (object_ == nullptr) return;
  for (const std::string_view key : keys) {
    if (Has(key)) continue;
    problems_->Add(fmt::format("{}: the key \"{}\" is missing", document_.Where(path_), key));
  }
}

const boost::json::value* ObjectReader::Any(std::string_view key) {
  if (std::ranges::find(asked_, key) == asked_.end()) asked_.push_back(key);
  return object_ == nullptr ? nullptr : object_->if_contains({key.data(), key.size()});
}

void ObjectReader::Problem(std::string_view key, std::string_view sentence) {
  problems_->Add(fmt::format("{}: {}", Where(key), sentence));
}

std::optional<std::string> ObjectReader::Text(std::string_view key) {
  const boost::json::value* value = Any(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    Problem(key, fmt::format("expected a text in double quotes, not {}", Shown(*value)));
    return std::nullopt;
  }
  return std::string(value->get_string().data(), value->get_string().size());
}

std::optional<bool> ObjectReader::Truth(std::string_view key) {
  const boost::json::value* value = Any(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) {
    Problem(key, fmt::format("expected true or false, not {}", Shown(*value)));
    return std::nullopt;
  }
  return value->get_bool();
}

std::optional<uint64_t> ObjectReader::Count(std::string_view key, uint64_t least, uint64_t most) {
  const boost::json::value* value = Any(key);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const auto count = value->is_number() ? value->to_number<uint64_t>(error) : 0;
  if (!value->is_number() || error || count < least || count > most) {
    Problem(key, fmt::format("expected a whole number from {} to {}, not {}", least, most,
                             Shown(*value)));
    return std::nullopt;
  }
  return count;
}

std::optional<double> ObjectReader::Number(std::string_view key, double least, double most) {
  const boost::json::value* value = Any(key);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->to_number<double>() : NAN;
  if (!(number >= least && number <= most)) {
    Problem(key,
            fmt::format("expected a number from {} to {}, not {}", least, most, Shown(*value)));
    return std::nullopt;
  }
  return number;
}

std::optional<Duration> ObjectReader::Time(std::string_view key, Duration least, Duration most) {
  const boost::json::value* value = Any(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    Problem(key, fmt::format("expected a duration like \"15mins\", not {}", Shown(*value)));
    return std::nullopt;
  }
  const std::string_view text(value->get_string().data(), value->get_string().size());
  const Result<Duration> duration = ParseDuration(text);
  if (!duration) {
    Problem(key, duration.error().message);
    return std::nullopt;
  }
  if (*duration < least || *duration > most) {
    Problem(key, fmt::format("expected a duration from {} to {}, not {}", FormatDuration(least),
                             FormatDuration(most), text));
    return std::nullopt;
  }
  return *duration;
}

const boost::json::array* ObjectReader::Array(std::string_view key) {
  const boost::json::value* value = Any(key);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) {
    Problem(key, fmt::format("expected a list in brackets, not {}", Shown(*value)));
    return nullptr;
  }
  return &value->get_array();
}

void ObjectReader::Finish() {
  if (object_ == nullptr) return;
  for (const auto& [key, value] : *object_) {
    const std::string_view name(key.data(), key.size());
    if (std::ranges::find(asked_, name) != asked_.end()) continue;
    const std::optional<size_t> nearest = NearestName(name, asked_);
    Problem(name, nearest
                      ? fmt::format("there is no such key; did you mean \"{}\"?", asked_[*nearest])
                      : fmt::format("there is no such key; the known keys are {}",
                                    fmt::join(asked_, ", ")));
  }
}

}  // namespace tepui::capacity
