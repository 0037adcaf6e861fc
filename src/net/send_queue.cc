// SPDX-License-Identifier: Apache-2.0
#include "net/send_queue.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace tepui::net {
namespace {

constexpr size_t kSegmentBytes = 64 << 10;
constexpr size_t kOwnSegmentBytes =
    16 << 10;  // A string of this size or more gets a segment of its own.
constexpr size_t kKeptCapacity = 4 << 10;  // The memory that an idle queue may keep.

}  // namespace

void SendQueue::Append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (first_ == segments_.size() || segments_.back().size() + bytes.size() > kSegmentBytes)
    segments_.emplace_back();
  segments_.back().append(bytes);
  size_ += bytes.size();
}

void SendQueue::Append(std::string&& bytes) {
  if (bytes.size() < kOwnSegmentBytes) return Append(std::string_view(bytes));
  size_ += bytes.size();
  segments_.push_back(std::move(bytes));
}

size_t SendQueue::Peek(std::span<iovec> vectors) const {
  const size_t count = std::min(vectors.size(), segments_.size() - first_);
  for (size_t i = 0; i < count; ++i) {
    const std::string& segment = segments_[first_ + i];
    const size_t skip = i == 0 ? offset_ : 0;
    vectors[i] = {.iov_base = const_cast<char*>(segment.data()) + skip,
                  .iov_len = segment.size() - skip};
  }
  return count;
}

void SendQueue::Consume(size_t count) {
  assert(count <= size_);
  size_ -= count;
  if (size_ == 0) return Clear();
  while (count >= segments_[first_].size() - offset_) {
    count -= segments_[first_].size() - offset_;
    std::string().swap(segments_[first_]);
    ++first_;
    offset_ = 0;
  }
  offset_ += count;
  // Spent entries are dropped once they are the larger part, so that each entry is moved once on
  // average.
  if (first_ > 32 && first_ * 2 > segments_.size()) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void SendQueue::Clear() {
  size_ = first_ = offset_ = 0;
  // Keeps memory for the next small message.
  if (!segments_.empty() && segments_.front().capacity() <= kKeptCapacity) {
    segments_.resize(1);
    segments_.front().clear();
  } else {
    segments_.clear();
  }
}

}  // namespace tepui::net
