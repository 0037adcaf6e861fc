// SPDX-License-Identifier: Apache-2.0
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

// The portable form of a store's contents (docs/storage.md), one entry per line, so that a store of
// any size can be processed in pieces:
//   tepui-store 1
//   <key> <value>       in the order of the keys, the value in base64; in the key each byte of
//                       "%", white space and control characters is written as %XX
//   end <entries> <CRC-32 of all bytes before this line>
// The versions of the keys are not exported: imported entries begin at version 1.

// Writes an export. Errors remain in the stream and must be checked by its owner.
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

// Reads an export, an entry at a time. An error (kInvalid) names the line, what was expected and
// what was found; nothing can be read after it.
class ExportReader {
 public:
  static constexpr size_t kMaxLineBytes = size_t{1} << 20;

  // `in` outlives the reader.
  explicit ExportReader(std::istream& in) : in_(in) {}
  // Returns an entry without its version, or nothing at the end if the checksum is right.
  Result<std::optional<storage::Entry>> Next();

 private:
  // Returns the next line, without its end.
  Result<std::string> ReadLine(std::string_view expected);
  Status ReadHeader();
  Result<storage::Entry> ReadEntry(std::string_view line);
  Status ReadEnd(std::string_view line);
  template <class... Args>
  std::unexpected<Error> Unexpected(fmt::format_string<Args...> format, Args&&... args) const;

  std::istream& in_;
  uint64_t line_ = 0;
  uint64_t entries_ = 0;
  uint32_t checksum_ = 0;  // Checksum of the lines before the current one.
  std::string last_key_;
};

}  // namespace tepui::cli
