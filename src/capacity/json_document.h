#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace tepui::capacity {

// A JSON text that a person wrote, with the places of all that is in it, so that whoever finds
// something wrong with a value can say where it stands. Immutable.
//
// Boost.JSON makes the values; it knows no places and its sentence for anything malformed is
// "syntax error". So the text is first read by a scanner of our own, which notes where members and
// elements begin, says what was expected where it is no JSON, and refuses keys that are there twice
// (of which a parser would silently take one).
//
// Bounded: at most kMaxBytes of text and kMaxDepth levels.
class JsonDocument {
 public:
  static constexpr size_t kMaxBytes = 16 << 20;
  static constexpr size_t kMaxDepth = 32;

  // `name` is the file's, for messages. A failure begins with "name:line:column: ".
  static Result<JsonDocument> Parse(std::string_view text, std::string name);

  const boost::json::value& root() const { return root_; }

  // "name:line:column: path" of what stands at a path: "frameworks[2].workload.arrivals". A member
  // is where its key begins. The empty path is the whole; of a path that does not exist the longest
  // part that does tells the place.
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

// The path of a member, and of an element.
std::string MemberPath(std::string_view path, std::string_view key);
std::string ElementPath(std::string_view path, size_t index);

}  // namespace tepui::capacity
