// SPDX-License-Identifier: Apache-2.0
#include "sim/world/trace.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace tepui::sim {

namespace {

// FNV-1a by words of eight bytes, because the trace is hashed in every run, though kept in few.
uint64_t Hash(uint64_t hash, std::string_view bytes) {
  constexpr uint64_t kPrime = 0x100000001b3;
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t size = std::min(bytes.size(), sizeof(word));
    std::memcpy(&word, bytes.data(), size);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32;  // Mixes high bytes of a word into the low half of the hash.
    bytes.remove_prefix(size);
  }
  return hash;
}

}  // namespace

void Trace::Append(MonotonicTime when, std::string_view line) {
  const int64_t nanoseconds = when.time_since_epoch().count();
  hash_ = Hash(hash_ ^ static_cast<uint64_t>(nanoseconds), line);
  ++lines_;
  constexpr int64_t kPerSecond = 1'000'000'000;
  const size_t begin = text_.size();
  fmt::format_to(std::back_inserter(text_), "{}.{:09} {}\n", nanoseconds / kPerSecond,
                 nanoseconds % kPerSecond, line);
  if (copy_ != nullptr) std::fwrite(text_.data() + begin, 1, text_.size() - begin, copy_);
  if (keep_ || lines_ - forgotten_ < 2 * kRecent) return;
  size_t end = 0;
  for (uint64_t i = 0; i < kRecent; ++i) end = text_.find('\n', end) + 1;
  text_.erase(0, end);
  forgotten_ += kRecent;
}

}  // namespace tepui::sim
