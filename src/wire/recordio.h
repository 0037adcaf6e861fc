// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tepui::wire {

// RecordIO (reference 1.1): records of a decimal length, LF, and that many bytes.

void AppendRecord(std::string_view record, std::string* out);
std::string EncodeRecord(std::string_view record);

// Splits a byte stream into records, however it is chunked. Empty lines before a length are
// skipped. After an error the decoder stays failed. Not thread-safe.
class RecordDecoder {
 public:
  // A record longer than `max_record_bytes` is an error (kTooLarge) when its length is read.
  explicit RecordDecoder(size_t max_record_bytes) : max_record_bytes_(max_record_bytes) {}

  void Append(std::string_view bytes);

  // Returns the next whole record, nothing if more bytes are needed, or the error that ended the
  // stream.
  Result<std::optional<std::string>> Next();

  // Returns true in the middle of a record or of its length: a stream that ends here is truncated.
  bool partial() const;

 private:
  size_t max_record_bytes_;
  std::string buffer_;
  size_t position_ = 0;
  std::optional<size_t> length_;  // The length of the record being read, once its line is complete.
  std::optional<Error> error_;
};

}  // namespace tepui::wire
