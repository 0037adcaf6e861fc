// SPDX-License-Identifier: Apache-2.0
#include "capacity/json_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/units.h"

namespace tepui::capacity {

std::string MemberPath(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string ElementPath(std::string_view path, size_t index) {
  return fmt::format("{}[{}]", path, index);
}

// Scans a text as JSON and stores positions in the document. One object per text.
class JsonScanner {
 public:
  explicit JsonScanner(JsonDocument& document) : document_(document), text_(document.text_) {}

  Status Scan() {
    SkipSpace();
    if (Status value = Value("", 0); !value) return value;
    SkipSpace();
    if (!AtEnd()) return Expected("the end of the file after the value");
    return {};
  }

 private:
  bool AtEnd() const { return next_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[next_]; }
  bool Take(char wanted) {
    if (AtEnd() || text_[next_] != wanted) return false;
    ++next_;
    return true;
  }
  void SkipSpace() {
    const size_t end = text_.find_first_not_of(" \t\r\n", next_);
    next_ = std::min(end, text_.size());
  }

  std::unexpected<Error> FailAt(size_t offset, std::string_view sentence) const {
    return Fail(Code::kInvalid, "{}: {}", document_.Place(offset), sentence);
  }
  std::unexpected<Error> Expected(std::string_view what) const {
    if (AtEnd()) return FailAt(next_, fmt::format("expected {}, but the file ends here", what));
    const auto c = static_cast<unsigned char>(text_[next_]);
    const std::string found =
        c < 0x20 || c >= 0x7f ? fmt::format("the byte 0x{:02x}", c) : fmt::format("'{:c}'", c);
    return FailAt(next_, fmt::format("expected {}, not {}", what, found));
  }

  Status Value(const std::string& path, size_t depth) {
    document_.offsets_.emplace(path, next_);  // A member's key has set it already.
    if (depth == JsonDocument::kMaxDepth) {
      return FailAt(next_, fmt::format("nested more than {} levels deep", depth));
    }
    switch (Peek()) {
      case '{':
        return Object(path, depth);
      case '[':
        return Array(path, depth);
      case '"': {
        std::string_view text;
        return String("a value", &text);
      }
      default:
        return Plain();
    }
  }

  Status Object(const std::string& path, size_t depth) {
    Take('{');
    SkipSpace();
    if (Take('}')) return {};
    do {
      SkipSpace();
      const size_t begin = next_;
      std::string_view key;
      if (Status read = String("a key in double quotes", &key); !read) return read;
      const std::string member = MemberPath(path, key);
      if (!document_.offsets_.emplace(member, begin).second) {
        return FailAt(begin, fmt::format("{} appears twice", member));
      }
      SkipSpace();
      if (!Take(':')) return Expected("':' after the key");
      SkipSpace();
      if (Status value = Value(member, depth + 1); !value) return value;
      SkipSpace();
    } while (Take(','));
    return Take('}') ? Status() : Expected("',' or '}' after the member");
  }

  Status Array(const std::string& path, size_t depth) {
    Take('[');
    SkipSpace();
    if (Take(']')) return {};
    size_t index = 0;
    do {
      SkipSpace();
      if (Status value = Value(ElementPath(path, index++), depth + 1); !value) return value;
      SkipSpace();
    } while (Take(','));
    return Take(']') ? Status() : Expected("',' or ']' after the element");
  }

  // `characters` are those between the quotes, as written; no known key contains escapes.
  Status String(std::string_view what, std::string_view* characters) {
    const size_t begin = next_;
    if (!Take('"')) return Expected(what);
    for (; !AtEnd(); ++next_) {
      const char c = text_[next_];
      if (c == '"') {
        *characters = text_.substr(begin + 1, next_ - begin - 1);
        ++next_;
        return {};
      }
      if (static_cast<unsigned char>(c) < 0x20)
        return FailAt(begin, "the text that begins here lacks the closing '\"'");
      if (c == '\\') ++next_;
      if (AtEnd()) break;
    }
    next_ = std::min(next_, text_.size());
    return FailAt(begin, "the text that begins here lacks the closing '\"'");
  }

  // Scans a number or a word; Boost.JSON checks the number itself.
  Status Plain() {
    const size_t begin = next_;
    const size_t end = text_.find_first_of(" \t\r\n,:]}[{\"", next_);
    const std::string_view word = text_.substr(begin, end - begin);
    if (word.empty()) return Expected("a value");
    if (word != "true" && word != "false" && word != "null" &&
        word.find_first_not_of("0123456789+-.eE") != std::string_view::npos) {
      return FailAt(begin, fmt::format("'{}' is not a value: write text in double quotes", word));
    }
    next_ += word.size();
    return {};
  }

  JsonDocument& document_;
  const std::string_view text_;
  size_t next_ = 0;
};

Result<JsonDocument> JsonDocument::Parse(std::string_view text, std::string name) {
  if (text.size() > kMaxBytes) {
    return Fail(Code::kTooLarge, "{}: {} is too large; at most {} can be read", name,
                FormatBytes(text.size()), FormatBytes(kMaxBytes));
  }
  JsonDocument document(text, std::move(name));
  if (Status scanned = JsonScanner(document).Scan(); !scanned) return Fail(scanned.error());

  // Any remaining error is inside a number or a string.
  boost::json::parser parser;
  boost::system::error_code error;
  const size_t read = parser.write_some(document.text_.data(), document.text_.size(), error);
  if (error) {
    return Fail(Code::kInvalid, "{}: not JSON: {}", document.Place(read), error.message());
  }
  document.root_ = parser.release();
  return document;
}

std::string JsonDocument::Place(size_t offset) const {
  const std::string_view before = std::string_view(text_).substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_begin = before.rfind('\n') + 1;  // 0 on the first line.
  return fmt::format("{}:{}:{}", name_, line, offset - line_begin + 1);
}

std::string JsonDocument::Where(std::string_view path) const {
  for (std::string_view known = path;; known = known.substr(0, known.find_last_of(".["))) {
    const auto found = offsets_.find(std::string(known));
    if (found != offsets_.end()) {
      return path.empty() ? Place(found->second)
                          : fmt::format("{}: {}", Place(found->second), path);
    }
    if (known.find_last_of(".[") == std::string_view::npos) {
      return fmt::format("{}: {}", Place(offsets_.at("")), path);
    }
  }
}

}  // namespace tepui::capacity
