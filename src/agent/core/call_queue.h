// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "tepui/link.pb.h"

namespace tepui::agent {

// Queues the calls of an agent to its master and sends them in batches. One batch is in flight at a
// time, so that calls arrive in order; the calls added meanwhile form the next batch. It is pure,
// and the same queue serves one link after another.
class CallQueue {
 public:
  static constexpr int kMaxBatch = 1000;
  // A batch ends with the call that reaches this size, which is well below the largest body that a
  // master accepts.
  static constexpr size_t kMaxBatchBytes = 4 << 20;
  static constexpr int kMaxWaiting = 200'000;
  static constexpr size_t kMaxWaitingBytes = 256 << 20;

  // Returns false, and adds nothing, if the queue is full: the master is not accepting calls, and
  // the caller must break the link.
  bool Add(link::Call call);

  // Returns the next batch, which is in flight from now on. Returns nothing while another is in
  // flight, or if no call waits.
  std::optional<link::Calls> Take();
  // The batch in flight was answered.
  void OnAnswered() { in_flight_ = false; }

  // True if nothing is in flight and nothing waits.
  bool empty() const { return !in_flight_ && waiting_.calls().empty(); }
  int waiting() const { return waiting_.calls_size(); }

  // Drops the calls that wait and those in flight, because the link ended.
  void Clear();

 private:
  link::Calls waiting_;
  size_t waiting_bytes_ = 0;
  bool in_flight_ = false;
};

}  // namespace tepui::agent
