// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"

namespace tepui::net {

// A listening socket, closed with the object.
struct ListeningSocket {
  ListeningSocket() = default;
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  int fd = -1;
  int family = 0;
  uint16_t port = 0;
  std::string unix_path;  // The socket file is removed with the object.
};

// `ip` is an address, not a name. "::" accepts IPv4 as well. Sets SO_REUSEADDR, so that a restart
// need not wait.
Result<ListeningSocket> ListenOnTcp(const std::string& ip, uint16_t port);

// Replaces a socket file on which no process listens any more. Any other file at that path is an
// error.
Result<ListeningSocket> ListenOnUnix(const std::string& path);

// Accepts connections on its loop. When descriptors or memory run out, it pauses instead of
// spinning.
class Listener final : public LoopMember {
 public:
  // Gets an accepted, non-blocking, close-on-exec descriptor, which the callee owns from then on,
  // and "ip:port" of the peer (empty on a unix socket).
  using Accepted = std::function<void(int fd, int family, std::string peer)>;

  Listener(std::shared_ptr<Loop> loop, const void* owner, ListeningSocket socket,
           Accepted accepted);
  ~Listener() override;

  // Joins the loop and begins to accept. To be called on the loop's thread.
  void Start();
  void Close() override;
  const void* owner() const override { return owner_; }

 private:
  struct Asio;

  void Wait();
  void AcceptSome();
  void Pause();

  const std::shared_ptr<Loop> loop_;
  const void* const owner_;
  ListeningSocket socket_;
  const Accepted accepted_;
  std::unique_ptr<Asio> asio_;  // Null before Start and after Close.
};

}  // namespace tepui::net
