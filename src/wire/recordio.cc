// SPDX-License-Identifier: Apache-2.0
#include "wire/recordio.h"

#include <fmt/format.h>

#include <charconv>

namespace tepui::wire {
namespace {

// The number of digits of 2^64 - 1. A longer line cannot be a length.
constexpr size_t kMaxLengthDigits = 20;

// An idle decoder frees a buffer larger than this.
constexpr size_t kKeptCapacity = 64 * 1024;

Result<size_t> ParseLength(std::string_view line, size_t max_record_bytes) {
  size_t length = 0;
  const char* end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data(), end, length);
  if (stop != end || error == std::errc::invalid_argument) {
    return Fail(Code::kInvalid, "A RecordIO length is not a decimal number");
  }
  if (error == std::errc::result_out_of_range || length > max_record_bytes) {
    return Fail(Code::kTooLarge, "A record of {} bytes is over the limit of {} bytes", line,
                max_record_bytes);
  }
  return length;
}

}  // namespace

void AppendRecord(std::string_view record, std::string* out) {
  out->append(fmt::format_int(record.size()).c_str());
  out->push_back('\n');
  out->append(record);
}

std::string EncodeRecord(std::string_view record) {
  std::string out;
  out.reserve(record.size() + kMaxLengthDigits + 1);
  AppendRecord(record, &out);
  return out;
}

void RecordDecoder::Append(std::string_view bytes) {
  if (error_) return;
  // Consumed bytes are dropped only when they are the larger half, so every byte is moved a bounded
  // number of times.
  if (position_ == buffer_.size()) {
    buffer_.clear();
    if (buffer_.capacity() > kKeptCapacity) buffer_.shrink_to_fit();
    position_ = 0;
  } else if (position_ > buffer_.size() / 2) {
    buffer_.erase(0, position_);
    position_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<std::string>> RecordDecoder::Next() {
  if (error_) return Fail(*error_);
  if (!length_) {
    while (position_ < buffer_.size() && buffer_[position_] == '\n') ++position_;
    const std::string_view rest = std::string_view(buffer_).substr(position_);
    const size_t line_end = rest.substr(0, kMaxLengthDigits + 1).find('\n');
    if (line_end == std::string_view::npos) {
      // Bytes that cannot become a length fail now, without waiting for a line end.
      const bool hopeless = rest.size() > kMaxLengthDigits ||
                            rest.find_first_not_of("0123456789") != std::string_view::npos;
      if (!hopeless) return std::nullopt;
      return Fail(error_.emplace(Code::kInvalid, "A RecordIO length is not a decimal number"));
    }
    Result<size_t> length = ParseLength(rest.substr(0, line_end), max_record_bytes_);
    if (!length) return Fail(error_.emplace(std::move(length.error())));
    length_ = *length;
    position_ += line_end + 1;
  }

  if (buffer_.size() - position_ < *length_) return std::nullopt;
  std::string record = buffer_.substr(position_, *length_);
  position_ += *length_;
  length_.reset();
  return record;
}

bool RecordDecoder::partial() const {
  if (error_) return false;
  return length_ || buffer_.find_first_not_of('\n', position_) != std::string::npos;
}

}  // namespace tepui::wire
