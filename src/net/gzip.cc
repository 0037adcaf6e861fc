// SPDX-License-Identifier: Apache-2.0
#include "net/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <limits>
#include <new>

#include "net/text.h"

namespace tepui::net {
namespace {

constexpr int kGzipWindow = 15 + 16;  // The largest window, with gzip's framing.

// zlib allocates a quarter of a megabyte for each deflate stream, so each thread reuses one.
class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  std::string Run(std::string_view bytes) {
    deflateReset(&stream_);
    std::string out(deflateBound(&stream_, bytes.size()), '\0');
    // zlib counts in 32 bits, so the data passes in pieces.
    constexpr size_t kPiece = std::numeric_limits<uInt>::max();
    size_t written = 0;
    int result = Z_OK;
    while (result != Z_STREAM_END) {
      const size_t input = std::min(bytes.size(), kPiece);
      const size_t room = std::min(out.size() - written, kPiece);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(input);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + written);
      stream_.avail_out = static_cast<uInt>(room);
      result = deflate(&stream_, input == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
      assert(result == Z_OK || result == Z_STREAM_END);  // deflateBound leaves room for all of it.
      bytes.remove_prefix(input - stream_.avail_in);
      written += room - stream_.avail_out;
    }
    out.resize(written);
    return out;
  }

 private:
  z_stream stream_ = {};
};

class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<std::string> Run(std::string_view bytes, size_t max_bytes, MemoryLease& memory) {
    std::string out;
    char piece[64 << 10];
    int result = Z_OK;
    while (result != Z_STREAM_END || !bytes.empty()) {
      if (result == Z_STREAM_END) inflateReset(&stream_);  // The data may have several members.
      const size_t input = std::min<size_t>(bytes.size(), std::numeric_limits<uInt>::max());
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(input);
      stream_.next_out = reinterpret_cast<Bytef*>(piece);
      stream_.avail_out = sizeof(piece);
      result = inflate(&stream_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END) {
        return Fail(Code::kInvalid, "The body is not valid gzip data: {}",
                    stream_.msg != nullptr ? stream_.msg : "it ends early");
      }
      bytes.remove_prefix(input - stream_.avail_in);
      const size_t produced = sizeof(piece) - stream_.avail_out;
      if (produced > max_bytes - out.size()) {
        return Fail(Code::kTooLarge, "The body is over {} bytes once decompressed", max_bytes);
      }
      if (!memory.Grow(produced)) {
        return Fail(Code::kUnavailable, "The memory for requests is in use; try again later");
      }
      out.append(piece, produced);
    }
    return out;
  }

 private:
  z_stream stream_ = {};
};

// Returns true if the parameters of an encoding ("q=0.5") leave it a weight above zero. A weight
// that cannot be parsed counts as above zero.
bool HasWeight(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = Trim(NextField(parameters, ';'));
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    double weight = 0;
    const auto [end, error] =
        std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), weight);
    return error == std::errc() && weight > 0;
  }
  return true;
}

}  // namespace

std::string Gzip(std::string_view bytes) {
  thread_local Deflater deflater;
  return deflater.Run(bytes);
}

Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes, MemoryLease& memory) {
  if (bytes.empty()) return Fail(Code::kInvalid, "The body is not valid gzip data: it is empty");
  return Inflater().Run(bytes, max_bytes, memory);
}

Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes) {
  MemoryLease uncounted;
  return Gunzip(bytes, max_bytes, uncounted);
}

bool AcceptsGzip(std::string_view accept_encoding) {
  for (const std::string_view wanted : {"gzip", "*"}) {
    bool accepted = false;
    const bool named = AnyListElement(accept_encoding, [&](std::string_view element) {
      if (!EqualsIgnoreCase(Trim(NextField(element, ';')), wanted)) return false;
      accepted = HasWeight(element);
      return true;
    });
    if (named) return accepted;
  }
  return false;
}

}  // namespace tepui::net
