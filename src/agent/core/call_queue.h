#pragma once

#include <cstddef>
#include <optional>

#include "tepui/link.pb.h"

namespace tepui::agent {

// The calls of an agent on their way to its master, in batches: one is in flight at a time, so that
// calls arrive in their order, and what piles up meanwhile travels together. Pure; one of it serves
// one link after another.
class CallQueue {
 public:
  static constexpr int kMaxBatch = 1000;
  // A batch ends with the call that reaches this: well below the body a master takes.
  static constexpr size_t kMaxBatchBytes = 4 << 20;
  static constexpr int kMaxWaiting = 200'000;
  static constexpr size_t kMaxWaitingBytes = 256 << 20;

  // False, and nothing taken, if as much waits as may: the master takes nothing, and its link is to
  // be broken.
  bool Add(link::Call call);

  // The batch that is in flight from now on; nothing while one is, or if no call waits.
  std::optional<link::Calls> Take();
  // The batch in flight was answered.
  void OnAnswered() { in_flight_ = false; }

  // Nothing is in flight and nothing waits.
  bool empty() const { return !in_flight_ && waiting_.calls().empty(); }
  int waiting() const { return waiting_.calls_size(); }

  // The link is over: what waits and what is in flight is forgotten.
  void Clear();

 private:
  link::Calls waiting_;
  size_t waiting_bytes_ = 0;
  bool in_flight_ = false;
};

}  // namespace tepui::agent
