#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/store.h"

namespace tepui::cli {

// The portable form of a store's contents (docs/storage.md), an entry a line, so that a store of
// any size passes through in pieces:
//   tepui-store 1
//   <key> <value>       the keys in their order, the value in base64; in the key "%", white space
//                       and control characters are %XX a byte
//   end <entries> <CRC-32 of all bytes before this line>
// The versions of the keys are not in it: what is imported begins at version 1.

// Writes one. Errors of the stream stay in it; to be looked at by who opened it.
class ExportWriter {
 public:
  // `out` outlives the writer.
  explicit ExportWriter(std::ostream& out);
  void Add(const storage::Entry& entry);
  void End();

 private:
  void WriteLine(std::string line);

  std::ostream& out_;
  uint64_t entries_ = 0;
  uint32_t checksum_ = 0;
};

// Reads one, an entry at a time. An error (kInvalid) names the line, what was expected and what is
// there; nothing can be read after it.
class ExportReader {
 public:
  static constexpr size_t kMaxLineBytes = size_t{1} << 20;

  // `in` outlives the reader.
  explicit ExportReader(std::istream& in) : in_(in) {}
  // Without versions. Nothing: that was all of it, and the checksum is right.
  Result<std::optional<storage::Entry>> Next();

 private:
  // The next line, without its end.
  Result<std::string> ReadLine(std::string_view expected);
  Status ReadHeader();
  Result<storage::Entry> ReadEntry(std::string_view line);
  Status ReadEnd(std::string_view line);
  template <class... Args>
  std::unexpected<Error> Unexpected(fmt::format_string<Args...> format, Args&&... args) const;

  std::istream& in_;
  uint64_t line_ = 0;
  uint64_t entries_ = 0;
  uint32_t checksum_ = 0;  // Of the lines before the one in hand.
  std::string last_key_;
};

}  // namespace tepui::cli
