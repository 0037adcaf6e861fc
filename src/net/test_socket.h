// SPDX-License-Identifier: Apache-2.0
#pragma once

// For the tests: a plain blocking socket that sends exactly the given bytes, and a gate to wait on.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "net/address.h"

namespace tepui::net {

inline constexpr int kPatienceMs = 20'000;  // Only a failing test waits that long.

class TestSocket {
 public:
  // Connects to a port of this machine. `receive_buffer` bounds what the kernel buffers for a slow
  // reader.
  explicit TestSocket(uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    const auto address = ParseIp("127.0.0.1", port);
    connected_ = ::connect(fd_, address->get(), address->length) == 0;
  }
  explicit TestSocket(const std::string& unix_path) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = UnixAddress(unix_path);
    connected_ =
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) == 0;
  }
  struct Adopt {
    int fd;
  };
  explicit TestSocket(Adopt adopt) : fd_(adopt.fd), connected_(adopt.fd >= 0) {}
  TestSocket(TestSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        buffer_(std::move(other.buffer_)) {}
  ~TestSocket() { Close(); }

  bool connected() const { return connected_; }
  int fd() const { return fd_; }

  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void CloseWriting() { ::shutdown(fd_, SHUT_WR); }

  // Returns false if the peer does not take all of `bytes`.
  bool Say(std::string_view bytes) {
    while (!bytes.empty()) {
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&ready, 1, kPatienceMs) <= 0) return false;
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }

  // Returns the bytes that are read and not returned yet: up to the end of `mark` once they contain
  // it, else all of them when the peer has ended or kPatienceMs have passed.
  std::string ReadUntil(std::string_view mark) {
    size_t found;
    while ((found = buffer_.find(mark)) == std::string::npos) {
      if (!Fill()) return std::exchange(buffer_, {});
    }
    return Cut(found + mark.size());
  }

  std::string ReadBytes(size_t count) {
    while (buffer_.size() < count && Fill()) {
    }
    return Cut(std::min(count, buffer_.size()));
  }

  // Returns everything up to the peer's end.
  std::string ReadAll() {
    while (Fill()) {
    }
    return std::exchange(buffer_, {});
  }

  // Returns true if the peer ends the connection, orderly or not, without sending more.
  bool Ended() { return ReadAll().empty() && ended_; }

  struct Answer {
    std::string head;
    std::string body;
  };
  // Reads one response with a Content-Length.
  Answer ReadAnswer() {
    Answer answer{.head = ReadUntil("\r\n\r\n"), .body = {}};
    const size_t length = answer.head.find("Content-Length: ");
    if (length != std::string::npos)
      answer.body = ReadBytes(std::stoul(answer.head.substr(length + 16)));
    return answer;
  }

  Answer Ask(std::string_view request) {
    Say(request);
    return ReadAnswer();
  }

 private:
  bool Fill() {
    if (ended_) return false;
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPatienceMs) <= 0) return false;
    char bytes[64 << 10];
    const ssize_t count = ::recv(fd_, bytes, sizeof(bytes), 0);
    if (count <= 0) {
      ended_ = true;
      return false;
    }
    buffer_.append(bytes, static_cast<size_t>(count));
    return true;
  }

  std::string Cut(size_t count) {
    std::string cut = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return cut;
  }

  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string buffer_;
};

// A listening socket whose connections the test answers by hand.
class TestListener {
 public:
  TestListener() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SocketAddress address = *ParseIp("127.0.0.1", 0);
    ::bind(fd_, address.get(), address.length);
    ::listen(fd_, 16);
    ::getsockname(fd_, address.get(), &address.length);
    port_ = address.port();
  }
  ~TestListener() { ::close(fd_); }
  TestListener(const TestListener&) = delete;
  TestListener& operator=(const TestListener&) = delete;

  uint16_t port() const { return port_; }

  TestSocket Accept() {
    pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPatienceMs) <= 0) return TestSocket(TestSocket::Adopt{-1});
    return TestSocket(TestSocket::Adopt{::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)});
  }

 private:
  int fd_ = -1;
  uint16_t port_ = 0;
};

// An event that happens once, or a count that grows, on another thread.
class Tally {
 public:
  void Add(int64_t count = 1) {
    const MutexLock lock(mutex_);
    count_ += count;
    changed_.NotifyAll();
  }
  bool WaitFor(int64_t count) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    const MutexLock lock(mutex_);
    while (count_ < count && changed_.WaitUntil(mutex_, until)) {
    }
    return count_ >= count;
  }
  int64_t count() {
    const MutexLock lock(mutex_);
    return count_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int64_t count_ TEPUI_GUARDED_BY(mutex_) = 0;
};

}  // namespace tepui::net
