#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "net/loop.h"

namespace tepui::net {

// What a connection is told by its transport and its deadline, on the loop's thread, each call in
// answer to one it made. Nothing is told after the transport was closed or the deadline cleared.
class IoEvents {
 public:
  virtual ~IoEvents() = default;
  // Bytes that arrived, valid until it returns; none: the peer has ended its side.
  virtual void OnRead(std::string_view bytes) = 0;
  virtual void OnReadFailed() = 0;
  virtual void OnWritable() = 0;
  virtual void OnDeadline() = 0;
};

// A connected byte stream. The one seam below HTTP: a socket here, and whatever encrypts on top of
// one. On its loop's thread only, but may be destroyed on any once closed.
class Transport {
 public:
  virtual ~Transport() = default;

  // One OnRead or OnReadFailed follows. Keeps `events` alive until then.
  virtual void StartRead(std::shared_ptr<IoEvents> events) = 0;

  // One OnWritable follows, also when the connection has broken: the write after it tells.
  virtual void StartWait(std::shared_ptr<IoEvents> events) = 0;

  // Takes what it can without blocking: the bytes taken, 0 if none can be now, -1 if the connection
  // is broken.
  virtual ssize_t Write(std::span<const iovec> bytes) = 0;

  // No more bytes follow; the peer reads an end.
  virtual void ShutdownWrite() = 0;

  virtual void Close() = 0;
};

// Takes the descriptor of a connected, non-blocking, close-on-exec stream socket of `family`
// (AF_INET, AF_INET6 or AF_UNIX). Sets TCP_NODELAY and keep-alive probes that find a dead peer
// within two minutes. Null, and the descriptor closed, if the kernel has no room to watch it.
std::unique_ptr<Transport> MakeSocketTransport(Loop& loop, int fd, int family);

// A timer that is cheap to move: it is armed anew only if it is to ring earlier than it is armed
// for, and rings then at a moment that may be too early; the owner looks at its own deadline in
// OnDeadline and sets the next.
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
