#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tepui::wire {

// RecordIO (reference 1.1): decimal length, LF, that many bytes; again.

void AppendRecord(std::string_view record, std::string* out);
std::string EncodeRecord(std::string_view record);

// Splits a byte stream into records, whatever its chunks. Empty lines before a length are skipped.
// After an error the decoder stays failed. Not thread-safe.
class RecordDecoder {
 public:
  // A record longer than `max_record_bytes` is an error (kTooLarge) when its length is read.
  explicit RecordDecoder(size_t max_record_bytes) : max_record_bytes_(max_record_bytes) {}

  void Append(std::string_view bytes);

  // The next whole record, nothing if more bytes are needed, or the error that ended the stream.
  Result<std::optional<std::string>> Next();

  // True in the middle of a record or of its length: an end of the stream here is a truncation.
  bool partial() const;

 private:
  size_t max_record_bytes_;
  std::string buffer_;
  size_t position_ = 0;
  std::optional<size_t> length_;  // Of the record being read, once its line is complete.
  std::optional<Error> error_;
};

}  // namespace tepui::wire
