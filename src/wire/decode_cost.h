// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace tepui::wire {

// The most messages that one body may hold, those inside of others included. An agent with 10,000
// tasks that subscribes has a twentieth of it.
inline constexpr size_t kMaxMessages = 4'000'000;

// Asks for memory for what is being decoded: returns false if there is none. May be empty.
using MemoryAsker = std::function<bool(size_t bytes)>;

// Estimates the memory of a message while it is decoded, because a few bytes may become a large
// message, and asks for it in steps.
class DecodeCost {
 public:
  explicit DecodeCost(const MemoryAsker& ask) : ask_(ask) {}

  // Each returns kTooLarge for more than kMaxMessages, and kUnavailable if there is no memory.
  Status AddMessage(const google::protobuf::Descriptor* type);
  Status AddString(size_t bytes) { return Add(kStringBytes + bytes); }
  Status Add(size_t bytes) {
    unasked_ += bytes;
    return unasked_ < kStepBytes ? Status() : Ask();
  }

 private:
  static constexpr size_t kStepBytes = 64 << 10;  // What is less is not worth asking for.
  static constexpr size_t kStringBytes = 40;

  Status Ask();

  const MemoryAsker& ask_;
  size_t messages_ = 0;
  size_t unasked_ = 0;
};

// Adds up what the message `type` costs that protobuf would read from `bytes`. Bytes that are no
// such message are counted as far as they go.
Status AddProtobuf(std::string_view bytes, const google::protobuf::Descriptor* type,
                   DecodeCost* cost);

}  // namespace tepui::wire
