// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace tepui::capacity {

// A JSON text written by a person, with the position of everything in it, so that problems with a
// value can be reported with their place. Immutable.
//
// Boost.JSON makes the values, but it knows no positions and reports anything malformed as "syntax
// error". So a scanner of our own reads the text first. It notes where members and elements begin,
// reports what was expected where the text is not JSON, and refuses duplicate keys (of which a
// parser would silently choose one).
//
// Bounded: at most kMaxBytes of text and kMaxDepth levels.
class JsonDocument {
 public:
  static constexpr size_t kMaxBytes = 16 << 20;
  static constexpr size_t kMaxDepth = 32;

  // `name` is the file's name, for messages. An error begins with "name:line:column: ".
  static Result<JsonDocument> Parse(std::string_view text, std::string name);

  const boost::json::value& root() const { return root_; }

  // "name:line:column: path" of the value at a path such as "frameworks[2].workload.arrivals". The
  // position of a member is that of its key. The empty path is the whole document; for a path that
  // does not exist, the position is that of the longest part that does.
  std::string Where(std::string_view path) const;

 private:
  friend class JsonScanner;

  JsonDocument(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}
  std::string Place(size_t offset) const;

  std::string text_;
  std::string name_;
  boost::json::value root_;
  std::unordered_map<std::string, size_t> offsets_;  // By path.
};

// The paths of a member and of an element.
std::string MemberPath(std::string_view path, std::string_view key);
std::string ElementPath(std::string_view path, size_t index);

}  // namespace tepui::capacity
