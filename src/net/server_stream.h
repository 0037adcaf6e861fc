// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "net/http.h"
#include "net/memory_budget.h"
#include "net/send_queue.h"

namespace tepui::net {

// The queue between the writers of a streaming response and the connection that sends it.
class ServerStream final : public Stream {
 public:
  // `wake` makes the connection call Take on its loop. Writers' threads call it, only when there
  // are new bytes and the last Take returned kIdle, or when the stream is to end. `memory` counts
  // the backlog.
  ServerStream(size_t max_backlog_bytes, bool chunked, MemoryLease memory,
               std::function<void()> wake);

  bool Write(std::string bytes) override;
  void Close() override;
  bool closed() const override;
  void OnClosed(std::move_only_function<void()> callback) override;

  // The functions below are for the connection, on its loop.

  enum class Next {
    kIdle,   // Nothing to send: the next Write calls `wake`.
    kBytes,  // `out` has bytes to send.
    kEnd,    // All bytes are sent; `out` has what ends the body. Take must not be called again.
    kCut,    // The backlog is over a limit: drop the connection.
  };
  Next Take(SendQueue& out);  // `out` must be empty.

  // `bytes` of the last Take are not handed to the kernel yet.
  void SetUnsent(size_t bytes);

  // Whether the stream continues, ends once all is sent, or must be dropped.
  enum class Ending { kNone, kClosed, kCut };
  Ending ending() const;

  // The response has ended, for whatever reason. Runs the callback of OnClosed.
  void End();

 private:
  // True: the caller must call wake_ after unlocking.
  bool TakeWake() TEPUI_REQUIRES(mutex_);
  // Returns whether the backlog may have that many bytes.
  bool MayHold(size_t bytes) TEPUI_REQUIRES(mutex_);

  const size_t max_backlog_bytes_;
  const bool chunked_;
  const std::function<void()> wake_;

  mutable Mutex mutex_;
  SendQueue pending_ TEPUI_GUARDED_BY(mutex_);
  size_t unsent_ TEPUI_GUARDED_BY(mutex_) = 0;
  MemoryLease memory_ TEPUI_GUARDED_BY(mutex_);
  bool idle_ TEPUI_GUARDED_BY(mutex_) = false;    // The connection waits for wake_.
  bool closed_ TEPUI_GUARDED_BY(mutex_) = false;  // No more writes.
  bool cut_ TEPUI_GUARDED_BY(mutex_) = false;
  bool ended_ TEPUI_GUARDED_BY(mutex_) = false;
  std::move_only_function<void()> on_closed_ TEPUI_GUARDED_BY(mutex_);
};

}  // namespace tepui::net
