// SPDX-License-Identifier: Apache-2.0
#include "agent/core/call_queue.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace tepui::agent {

bool CallQueue::Add(link::Call call) {
  if (waiting_.calls_size() >= kMaxWaiting || waiting_bytes_ >= kMaxWaitingBytes) return false;
  waiting_bytes_ += call.ByteSizeLong();
  *waiting_.add_calls() = std::move(call);
  return true;
}

std::optional<link::Calls> CallQueue::Take() {
  if (in_flight_ || waiting_.calls().empty()) return std::nullopt;
  in_flight_ = true;
  link::Calls batch;
  if (waiting_.calls_size() <= kMaxBatch && waiting_bytes_ <= kMaxBatchBytes) {
    batch.Swap(&waiting_);
    waiting_bytes_ = 0;
    return batch;
  }
  auto* calls = waiting_.mutable_calls();
  size_t bytes = 0;
  int count = 0;
  for (; count < std::min(kMaxBatch, calls->size()) && bytes < kMaxBatchBytes; ++count) {
    bytes += calls->Get(count).ByteSizeLong();
    *batch.add_calls() = std::move(*calls->Mutable(count));
  }
  calls->DeleteSubrange(0, count);
  assert(bytes <= waiting_bytes_);
  waiting_bytes_ -= bytes;
  return batch;
}

void CallQueue::Clear() {
  waiting_.Clear();
  waiting_bytes_ = 0;
  in_flight_ = false;
}

}  // namespace tepui::agent
