// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <latch>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "net/http.h"
#include "net/io_threads.h"
#include "net/listener.h"
#include "net/server_connection.h"
#include "net/transport.h"

namespace tepui::net {

Responder::Responder(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Responder::Responder(Responder&&) noexcept = default;

Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(impl_, other.impl_);  // The destructor of `other` answers the request that was here.
  return *this;
}

Responder::~Responder() {
  if (impl_ != nullptr)
    impl_->Send({.status = 500, .headers = {}, .body = "The request was dropped unanswered"});
}

void Responder::Send(Response response) && {
  assert(impl_ != nullptr);
  std::exchange(impl_, nullptr)->Send(std::move(response));
}

std::shared_ptr<Stream> Responder::StartStream(unsigned status, Headers headers) && {
  assert(impl_ != nullptr);
  return std::exchange(impl_, nullptr)->StartStream(status, std::move(headers));
}

class Server::Impl {
 public:
  Impl(IoThreads& threads, ServerOptions options, Handler handler)
      : threads_(threads.impl()),
        shared_(std::make_shared<ServerShared>(std::move(options), std::move(handler))) {}

  Status Listen(Result<ListeningSocket> socket) {
    if (!socket) return Fail(socket.error());
    const MutexLock lock(mutex_);
    if (stopped_) return Fail(Code::kUnavailable, "The server is stopped");
    if (port_ == 0) port_ = socket->port;
    const std::shared_ptr<Loop>& loop = threads_.Next();
    auto listener = std::make_shared<Listener>(
        loop, shared_.get(), std::move(*socket),
        [this](int fd, int family, std::string peer) { Admit(fd, family, std::move(peer)); });
    if (!loop->Post([listener] { listener->Start(); })) {
      return Fail(Code::kUnavailable, "The I/O threads are stopped");
    }
    return {};
  }

  uint16_t port() const {
    const MutexLock lock(mutex_);
    return port_;
  }

  void Stop() {
    {
      const MutexLock lock(mutex_);
      if (std::exchange(stopped_, true)) return;
    }
    // Twice: the first round ends the listeners, which may have handed connections to loops that
    // had already finished; the second round ends those.
    CloseEverywhere();
    CloseEverywhere();
    shared_->workers.Stop();
    shared_->lane_workers.Stop();
  }

 private:
  // Called on the listener's loop.
  void Admit(int fd, int family, std::string peer) {
    const int limit = shared_->options.max_connections;
    if (shared_->connections.fetch_add(1, std::memory_order_relaxed) >= limit) {
      shared_->connections.fetch_sub(1, std::memory_order_relaxed);
      ::close(fd);
      return;
    }
    std::shared_ptr<Loop> loop = threads_.Next();
    const bool posted =
        loop->Post([loop, shared = shared_, fd, family, peer = std::move(peer)]() mutable {
          auto transport = MakeSocketTransport(*loop, fd, family);
          if (transport == nullptr) {
            shared->connections.fetch_sub(1, std::memory_order_relaxed);
            return;
          }
          std::make_shared<ServerConnection>(std::move(loop), std::move(shared),
                                             std::move(transport), std::move(peer))
              ->Start();
        });
    if (posted) return;
    shared_->connections.fetch_sub(1, std::memory_order_relaxed);
    ::close(fd);
  }

  void CloseEverywhere() {
    const auto& loops = threads_.loops();
    std::latch done(static_cast<std::ptrdiff_t>(loops.size()));
    for (const auto& loop : loops) {
      assert(!loop->OnThread());
      const bool posted = loop->Post([&done, loop = loop.get(), owner = shared_.get()] {
        loop->CloseMembersOf(owner);
        done.count_down();
      });
      if (posted) continue;
      loop->Stop();  // The loop is stopping: this waits until it has stopped, and every handler
                     // with it.
      done.count_down();
    }
    done.wait();
  }

  IoThreads::Impl& threads_;
  const std::shared_ptr<ServerShared> shared_;

  mutable Mutex mutex_;
  uint16_t port_ TEPUI_GUARDED_BY(mutex_) = 0;
  bool stopped_ TEPUI_GUARDED_BY(mutex_) = false;
};

Server::Server(IoThreads& threads, ServerOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(threads, std::move(options), std::move(handler))) {}

Server::~Server() { Stop(); }

Status Server::Listen(const std::string& ip, uint16_t port) {
  return impl_->Listen(ListenOnTcp(ip, port));
}
Status Server::ListenUnix(const std::string& path) { return impl_->Listen(ListenOnUnix(path)); }
uint16_t Server::port() const { return impl_->port(); }
void Server::Stop() { impl_->Stop(); }

}  // namespace tepui::net
