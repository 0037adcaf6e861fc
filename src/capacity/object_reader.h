// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "capacity/json_document.h"

namespace tepui::capacity {

// Problems of an input, as sentences that name the place. After kMax of them the others are only
// counted: no one repairs a thousand at once.
class Problems {
 public:
  static constexpr size_t kMax = 20;

  void Add(std::string sentence) {
    if (sentences_.size() < kMax) sentences_.push_back(std::move(sentence));
    ++found_;
  }
  bool empty() const { return found_ == 0; }
  bool full() const { return found_ >= kMax; }
  // The last one counts those that were left out.
  std::vector<std::string> Take();

 private:
  std::vector<std::string> sentences_;
  size_t found_ = 0;
};

// Reads the members of one JSON object written by a person. A value that is required and missing,
// has another type, is out of its range or has an unknown key becomes a problem that names file,
// line, column and path; reading continues, so that all problems are found at once.
//
// The readers return nothing if the member is absent or has a problem.
class ObjectReader {
 public:
  // Adds a problem if `value` is not an object; then all members are absent. All arguments outlive
  // this.
  ObjectReader(const JsonDocument& document, const boost::json::value& value, std::string path,
               Problems* problems);
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  bool Has(std::string_view key) const;
  // Adds a problem for each member that is absent.
  void Require(std::initializer_list<std::string_view> keys);

  // The unchecked value.
  const boost::json::value* Any(std::string_view key);
  std::optional<std::string> Text(std::string_view key);
  std::optional<bool> Truth(std::string_view key);
  std::optional<uint64_t> Count(std::string_view key, uint64_t least, uint64_t most);
  std::optional<double> Number(std::string_view key, double least, double most);
  std::optional<Duration> Time(std::string_view key, Duration least, Duration most);
  // Adds a problem if the value is not an array.
  const boost::json::array* Array(std::string_view key);

  // Adds a problem for each key that no call has asked for, with a similar key that may have been
  // meant. Must be called last. Does nothing if the value is not an object.
  void Finish();

  void Problem(std::string_view key, std::string_view sentence);
  std::string PathOf(std::string_view key) const { return MemberPath(path_, key); }
  const std::string& path() const { return path_; }
  // "file:line:column: path" of a member.
  std::string Where(std::string_view key) const { return document_.Where(PathOf(key)); }
  const JsonDocument& document() const { return document_; }
  Problems* problems() { return problems_; }
  bool is_object() const { return object_ != nullptr; }

 private:
  const JsonDocument& document_;
  const boost::json::object* object_ = nullptr;  // Null if the value is not an object.
  const std::string path_;
  Problems* const problems_;
  std::vector<std::string_view> asked_;  // Keys that were asked for; literals of the callers.
};

// A value as shown in a sentence: "an object", "\"a\"", "12".
std::string Shown(const boost::json::value& value);

}  // namespace tepui::capacity
