#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/http.h"
#include "net/send_queue.h"

namespace tepui::net {

// The queue between the writers of a streaming response and the connection that sends it.
class ServerStream final : public Stream {
 public:
  // `wake` makes the connection call Take on its loop; called from writers' threads, only when
  // there is something new and the connection has said that it is idle, or when the stream is to
  // end.
  ServerStream(size_t max_backlog_bytes, bool chunked, std::function<void()> wake);

  bool Write(std::string bytes) override;
  void Close() override;
  bool closed() const override;
  void OnClosed(std::move_only_function<void()> callback) override;

  // For the connection, on its loop.

  enum class Next {
    kIdle,   // Nothing to send: the next Write wakes.
    kBytes,  // In `out`.
    kEnd,    // That was all; `out` has what ends the body. Not to be called again.
    kCut,    // The backlog is over the limit: drop the connection.
  };
  Next Take(SendQueue& out);  // `out` must be empty.

  // Of what Take gave, so much is not yet with the kernel.
  void SetUnsent(size_t bytes);

  // Whether the stream goes on, is to end once all is sent, or is to be dropped.
  enum class Ending { kNone, kClosed, kCut };
  Ending ending() const;

  // The response is over, for whatever reason. Runs the callback.
  void End();

 private:
  bool WakeLocked();  // Whether the caller, after unlocking, has to wake the connection.

  const size_t max_backlog_bytes_;
  const bool chunked_;
  const std::function<void()> wake_;

  mutable std::mutex mutex_;
  // The rest is guarded by mutex_.
  SendQueue pending_;
  size_t unsent_ = 0;
  bool idle_ = false;    // The connection waits to be woken.
  bool closed_ = false;  // No more writes.
  bool cut_ = false;
  bool ended_ = false;
  std::move_only_function<void()> on_closed_;
};

}  // namespace tepui::net
