// SPDX-License-Identifier: Apache-2.0
#include "net/connector.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "net/address.h"

namespace tepui::net {

namespace asio = boost::asio;

namespace {

constexpr size_t kMaxAddresses = 16;  // For one name.

// A connection to a port of this machine without a listener can connect to itself, if the kernel
// happens to assign that port to its own end.
bool IsConnectedToItself(int fd) {
  SocketAddress own;
  SocketAddress other;
  return ::getsockname(fd, own.get(), &own.length) == 0 &&
         ::getpeername(fd, other.get(), &other.length) == 0 && own.storage.ss_family != AF_UNIX &&
         own.length == other.length && std::memcmp(&own.storage, &other.storage, own.length) == 0;
}

}  // namespace

struct Connector::Asio {
  explicit Asio(asio::io_context& context) : resolver(context), socket(context) {}

  asio::ip::tcp::resolver resolver;
  std::vector<asio::generic::stream_protocol::endpoint>
      addresses;  // Not tried yet, the next one last.
  asio::generic::stream_protocol::socket socket;
};

Connector::Connector(Loop& loop, Endpoint server)
    : loop_(loop), server_(std::move(server)), asio_(std::make_unique<Asio>(loop.context())) {}
Connector::~Connector() = default;

void Connector::Start(Done done) {
  done_ = std::move(done);
  asio::post(loop_.context(), [self = shared_from_this()] {
    if (self->done_) self->Resolve();
  });
}

void Connector::Cancel() {
  done_ = nullptr;
  boost::system::error_code ignored;
  asio_->resolver.cancel();
  asio_->socket.close(ignored);
}

void Connector::Resolve() {
  if (server_.scheme == Scheme::kHttps) {
    return Finish(Fail(Code::kUnimplemented,
                       "Cannot connect to https://{}: TLS is not supported yet; use http",
                       ToString(server_)));
  }
  if (!server_.unix_path.empty()) {
    const auto address = UnixAddress(server_.unix_path);
    if (!address) return Finish(std::unexpected(address.error()));
    asio_->addresses.emplace_back(&*address, sizeof(*address));
    return TryNext();
  }
  if (const auto address = ParseIp(server_.host, server_.port)) {
    asio_->addresses.emplace_back(address->get(), address->length);
    return TryNext();
  }
  asio_->resolver.async_resolve(
      server_.host, std::to_string(server_.port),
      [self = shared_from_this()](const boost::system::error_code& error, const auto& results) {
        if (!self->done_) return;
        if (error) self->last_failure_ = error.message();
        for (const auto& result : results) {
          if (self->asio_->addresses.size() < kMaxAddresses)
            self->asio_->addresses.emplace_back(result.endpoint());
        }
        std::ranges::reverse(self->asio_->addresses);
        self->TryNext();
      });
}

void Connector::TryNext() {
  if (asio_->addresses.empty()) {
    return Finish(Fail(Code::kUnavailable, "Cannot connect to {}: {}", ToString(server_),
                       last_failure_.empty() ? "the name has no address" : last_failure_));
  }
  const auto address = std::move(asio_->addresses.back());
  asio_->addresses.pop_back();
  const int family = address.protocol().family();
  // Asio's open would leave the descriptor open across exec.
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    last_failure_ = std::strerror(errno);
    return TryNext();
  }
  boost::system::error_code error;
  asio_->socket.assign(address.protocol(), fd, error);
  if (error) {
    ::close(fd);
    last_failure_ = error.message();
    return TryNext();
  }
  asio_->socket.async_connect(
      address, [self = shared_from_this(), family](boost::system::error_code failure) {
        if (!self->done_) return;
        auto& socket = self->asio_->socket;
        if (!failure && IsConnectedToItself(socket.native_handle()))
          failure = asio::error::connection_refused;
        boost::system::error_code ignored;
        if (failure) {
          self->last_failure_ = failure.message();
          socket.close(ignored);
          return self->TryNext();
        }
        auto transport = MakeSocketTransport(self->loop_, socket.release(ignored), family);
        if (transport == nullptr)
          return self->Finish(Fail(Code::kUnavailable, "No memory to watch another connection"));
        self->Finish(std::move(transport));
      });
}

void Connector::Finish(Result<std::unique_ptr<Transport>> result) {
  if (auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

}  // namespace tepui::net
