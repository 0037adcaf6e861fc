// SPDX-License-Identifier: Apache-2.0
#include "net/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <utility>

namespace tepui::net {

namespace asio = boost::asio;

namespace {

void SetOption(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof(value));
}

// A peer whose machine is gone is detected after 60 + 4 * 15 seconds of silence.
void SetTcpOptions(int fd) {
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(Loop& loop) : loop_(loop), socket_(loop.context()) {}

  bool Adopt(int fd, int family) {
    boost::system::error_code error;
    socket_.assign(asio::generic::stream_protocol(family, 0), fd, error);
    if (error) return false;
    if (family != AF_UNIX) SetTcpOptions(fd);
    return true;
  }

  // Waits first and then reads into the loop's one buffer, so that idle connections use no memory.
  void StartRead(std::shared_ptr<IoEvents> events) override {
    socket_.async_wait(
        asio::socket_base::wait_read,
        [this, events = std::move(events)](const boost::system::error_code& error) mutable {
          if (error || !socket_.is_open()) return;
          ReadNow(std::move(events));
        });
  }

  void StartWait(std::shared_ptr<IoEvents> events) override {
    socket_.async_wait(asio::socket_base::wait_write,
                       [this, events = std::move(events)](const boost::system::error_code& error) {
                         if (!error && socket_.is_open()) events->OnWritable();
                       });
  }

  ssize_t Write(std::span<const iovec> bytes) override {
    msghdr message = {};
    message.msg_iov = const_cast<iovec*>(bytes.data());
    message.msg_iovlen = bytes.size();
    for (;;) {
      const ssize_t written =
          ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (written >= 0) return written;
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
  }

  void ShutdownWrite() override {
    boost::system::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  void Close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  void ReadNow(std::shared_ptr<IoEvents> events) {
    const std::span<char> buffer = loop_.scratch();
    ssize_t count;
    do {
      count = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count >= 0)
      return events->OnRead(std::string_view(buffer.data(), static_cast<size_t>(count)));
    if (errno == EAGAIN || errno == EWOULDBLOCK) return StartRead(std::move(events));
    events->OnReadFailed();
  }

  Loop& loop_;
  asio::generic::stream_protocol::socket socket_;
};

}  // namespace

std::unique_ptr<Transport> MakeSocketTransport(Loop& loop, int fd, int family) {
  auto transport = std::make_unique<SocketTransport>(loop);
  if (transport->Adopt(fd, family)) return transport;
  ::close(fd);
  return nullptr;
}

struct LazyDeadline::Timer {
  explicit Timer(Loop& loop) : timer(loop.context()) {}
  asio::steady_timer timer;
};

LazyDeadline::LazyDeadline(Loop& loop) : timer_(std::make_unique<Timer>(loop)) {}
LazyDeadline::~LazyDeadline() = default;

void LazyDeadline::Set(MonotonicTime at, const std::shared_ptr<IoEvents>& events) {
  if (at >= armed_for_) return;
  armed_for_ = at;
  // Loop::Now is the steady clock. Setting the time cancels the previous wait, whose handler gets
  // an error.
  timer_->timer.expires_at(std::chrono::steady_clock::time_point(at.time_since_epoch()));
  timer_->timer.async_wait([this, events, at](const boost::system::error_code& error) {
    if (error || armed_for_ != at) return;  // The deadline was set again or cleared since.
    armed_for_ = MonotonicTime::max();
    events->OnDeadline();
  });
}

void LazyDeadline::Clear() {
  armed_for_ = MonotonicTime::max();
  timer_->timer.cancel();
}

}  // namespace tepui::net
