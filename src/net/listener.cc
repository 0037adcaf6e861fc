// SPDX-License-Identifier: Apache-2.0
#include "net/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "net/address.h"

namespace tepui::net {

namespace asio = boost::asio;

namespace {

constexpr int kAcceptBatch = 64;  // After these the connections of the loop have their turn.
constexpr auto kExhaustedPause = std::chrono::milliseconds(100);

std::string LastError() { return std::strerror(errno); }

Status BindAndListen(const ListeningSocket& socket, const sockaddr* address, socklen_t length) {
  if (::bind(socket.fd, address, length) != 0 || ::listen(socket.fd, SOMAXCONN) != 0) {
    return Fail(errno == EADDRINUSE ? Code::kConflict : Code::kUnavailable, "{}", LastError());
  }
  return {};
}

// Returns true if `path` is a socket that refuses connections because its process has ended.
bool IsAbandoned(const sockaddr_un& address) {
  // Connecting to any other kind of file is refused as well.
  struct stat file;
  if (::lstat(address.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const int result = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const bool abandoned = result != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return abandoned;
}

}  // namespace

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd(std::exchange(other.fd, -1)),
      family(other.family),
      port(other.port),
      unix_path(std::exchange(other.unix_path, {})) {}

ListeningSocket::~ListeningSocket() {
  if (fd >= 0) ::close(fd);
  if (!unix_path.empty()) ::unlink(unix_path.c_str());
}

Result<ListeningSocket> ListenOnTcp(const std::string& ip, uint16_t port) {
  const auto failed = [&](Code code, const std::string& why) {
    return Fail(code, "Cannot listen on {}: {}", JoinHostPort(ip, port), why);
  };
  const auto address = ParseIp(ip, port);
  if (!address) return failed(Code::kInvalid, "not an IP address");

  ListeningSocket socket;
  socket.family = address->storage.ss_family;
  socket.fd = ::socket(socket.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket.fd < 0) return failed(Code::kUnavailable, LastError());
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (socket.family == AF_INET6)
    ::setsockopt(socket.fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (const Status bound = BindAndListen(socket, address->get(), address->length); !bound) {
    return failed(bound.error().code, bound.error().message);
  }
  SocketAddress actual;
  if (::getsockname(socket.fd, actual.get(), &actual.length) != 0)
    return failed(Code::kUnavailable, LastError());
  socket.port = actual.port();
  return socket;
}

Result<ListeningSocket> ListenOnUnix(const std::string& path) {
  const auto address = UnixAddress(path);
  if (!address) return Fail(address.error());
  ListeningSocket socket;
  socket.family = AF_UNIX;
  socket.fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket.fd < 0) return Fail(Code::kUnavailable, "Cannot listen on {}: {}", path, LastError());
  if (IsAbandoned(*address)) ::unlink(path.c_str());
  const Status bound =
      BindAndListen(socket, reinterpret_cast<const sockaddr*>(&*address), sizeof(*address));
  if (!bound)
    return Fail(bound.error().code, "Cannot listen on {}: {}", path, bound.error().message);
  socket.unix_path = path;
  return socket;
}

struct Listener::Asio {
  explicit Asio(asio::io_context& context) : descriptor(context), pause(context) {}
  asio::posix::stream_descriptor descriptor;
  asio::steady_timer pause;
};

Listener::Listener(std::shared_ptr<Loop> loop, const void* owner, ListeningSocket socket,
                   Accepted accepted)
    : loop_(std::move(loop)),
      owner_(owner),
      socket_(std::move(socket)),
      accepted_(std::move(accepted)) {}

Listener::~Listener() = default;

void Listener::Start() {
  asio_ = std::make_unique<Asio>(loop_->context());
  boost::system::error_code error;
  asio_->descriptor.assign(socket_.fd, error);
  if (error) {
    spdlog::error("Cannot watch the listening socket of port {}: {}", socket_.port,
                  error.message());
    return;
  }
  loop_->Join(shared_from_this());
  if (asio_ != nullptr) Wait();
}

void Listener::Close() {
  if (asio_ == nullptr) return;
  asio_->descriptor.release();  // Cancels the wait; socket_ closes the descriptor.
  asio_.reset();
  ListeningSocket closed(std::move(socket_));
  loop_->Leave(*this);
}

void Listener::Wait() {
  asio_->descriptor.async_wait(
      asio::posix::stream_descriptor::wait_read,
      [this, self = shared_from_this()](const boost::system::error_code& error) {
        if (!error && asio_ != nullptr) AcceptSome();
      });
}

void Listener::AcceptSome() {
  for (int i = 0; i < kAcceptBatch; ++i) {
    SocketAddress peer;
    // Asio's accept would leave the descriptor open across exec, and this process starts tasks.
    const int fd = ::accept4(socket_.fd, peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted_(fd, socket_.family, peer.ToString());
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return Pause();
    // Any other error concerns only that one connection, which failed before it was accepted.
  }
  Wait();
}

void Listener::Pause() {
  spdlog::warn(
      "No descriptor or memory left to accept a connection: {}. Raise the limit of open files",
      LastError());
  asio_->pause.expires_after(kExhaustedPause);
  asio_->pause.async_wait(
      [this, self = shared_from_this()](const boost::system::error_code& error) {
        if (!error && asio_ != nullptr) AcceptSome();
      });
}

}  // namespace tepui::net
