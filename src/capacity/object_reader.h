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

// What is wrong with an input, as sentences that say where. After kMax of them the rest is counted
// only: nobody mends a thousand at once.
class Problems {
 public:
  static constexpr size_t kMax = 20;

  void Add(std::string sentence) {
    if (sentences_.size() < kMax) sentences_.push_back(std::move(sentence));
    ++found_;
  }
  bool empty() const { return found_ == 0; }
  bool full() const { return found_ >= kMax; }
  // With a last one that counts what was left out.
  std::vector<std::string> Take();

 private:
  std::vector<std::string> sentences_;
  size_t found_ = 0;
};

// Reads the members of one JSON object that people write. Each value that is missing though it is
// required, of another type, out of its range or of an unknown key becomes a problem that names
// file, line, column and path; reading goes on, so that all of them are found at once.
//
// The readers return nothing if the member is absent or a problem.
class ObjectReader {
 public:
  // A problem if `value` is no object; then all members are absent. All arguments outlive this.
  ObjectReader(const JsonDocument& document, const boost::json::value& value, std::string path,
               Problems* problems);
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  bool Has(std::string_view key) const;
  // A problem if the member is absent.
  void Require(std::initializer_list<std::string_view> keys);

  // The value as it is.
  const boost::json::value* Any(std::string_view key);
  std::optional<std::string> Text(std::string_view key);
  std::optional<bool> Truth(std::string_view key);
  std::optional<uint64_t> Count(std::string_view key, uint64_t least, uint64_t most);
  std::optional<double> Number(std::string_view key, double least, double most);
  std::optional<Duration> Time(std::string_view key, Duration least, Duration most);
  // A problem if the value is no array.
  const boost::json::array* Array(std::string_view key);

  // Every key that no call has asked for is a problem; a near one that could have been meant is
  // named. Call last. Nothing if the value was no object.
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
  const boost::json::object* object_ = nullptr;  // Null: the value is no object.
  const std::string path_;
  Problems* const problems_;
  std::vector<std::string_view> asked_;  // The callers' literals.
};

// "an object", "\"a\"", "12": a value as a sentence can show it.
std::string Shown(const boost::json::value& value);

}  // namespace tepui::capacity
