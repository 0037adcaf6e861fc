// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "net/loop.h"

namespace tepui::net {

// The callbacks of a connection's transport and deadline, on the loop's thread; each answers one
// call of the connection. None runs after the transport was closed or the deadline cleared.
class IoEvents {
 public:
  virtual ~IoEvents() = default;
  // `bytes` arrived and are valid until this returns. If empty, the peer has ended its side.
  virtual void OnRead(std::string_view bytes) = 0;
  virtual void OnReadFailed() = 0;
  virtual void OnWritable() = 0;
  virtual void OnDeadline() = 0;
};

// A connected byte stream: a socket here, or later an encryption layer above one. Used on its
// loop's thread only; once closed, it may be destroyed on any thread.
class Transport {
 public:
  virtual ~Transport() = default;

  // One OnRead or OnReadFailed follows. Keeps `events` alive until then.
  virtual void StartRead(std::shared_ptr<IoEvents> events) = 0;

  // One OnWritable follows, also when the connection has broken; the next Write reports that.
  virtual void StartWait(std::shared_ptr<IoEvents> events) = 0;

  // Writes what it can without blocking. Returns the number of bytes taken, 0 if none can be taken
  // now, -1 if the connection is broken.
  virtual ssize_t Write(std::span<const iovec> bytes) = 0;

  // No more bytes follow: the peer reads the end of the stream.
  virtual void ShutdownWrite() = 0;

  virtual void Close() = 0;
};

// Takes over the descriptor of a connected, non-blocking, close-on-exec stream socket of `family`
// (AF_INET, AF_INET6 or AF_UNIX). Sets TCP_NODELAY and keep-alive probes that detect a dead peer
// within two minutes. Returns null, and closes the descriptor, if the kernel cannot watch one more.
std::unique_ptr<Transport> MakeSocketTransport(Loop& loop, int fd, int family);

// A timer that is cheap to move. It is armed again only if the new time is earlier than the armed
// one, so it may fire too early: in OnDeadline the owner checks its own deadline and sets the next.
class LazyDeadline {
 public:
  explicit LazyDeadline(Loop& loop);
  ~LazyDeadline();

  void Set(MonotonicTime at, const std::shared_ptr<IoEvents>& events);
  void Clear();

 private:
  struct Timer;
  std::unique_ptr<Timer> timer_;
  MonotonicTime armed_for_ = MonotonicTime::max();
};

}  // namespace tepui::net
