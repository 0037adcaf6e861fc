// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tepui::net {

// Bytes on their way to a socket. Small pieces are gathered into segments, large ones are kept as
// they are, and all of them are sent together by writev. Not thread-safe.
class SendQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void Append(std::string_view bytes);
  // Keeps the string itself if copying it would cost more than an entry of its own.
  void Append(std::string&& bytes);

  // Fills in the first segments, as many as fit, and returns their number. They are valid until the
  // queue changes.
  size_t Peek(std::span<iovec> vectors) const;
  // Drops the first `count` bytes.
  void Consume(size_t count);
  void Clear();

 private:
  std::vector<std::string> segments_;
  size_t first_ = 0;   // The segments before it are sent.
  size_t offset_ = 0;  // Bytes of the first segment that are sent.
  size_t size_ = 0;
};

}  // namespace tepui::net
