// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests: a proxy between clients and a ZooKeeper server. It can drop one direction, and records
// the requests that pass.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace tepui::zookeeper {

// ZooKeeper's numbers for the kinds of requests that tests look for.
enum class Opcode : int32_t { kCreate = 1, kChildren = 8, kSync = 9, kSetWatches = 101 };

class TestProxy {
 public:
  // Dropped bytes are read and thrown away: the sender believes that they arrived.
  enum class Mode { kPass, kDropRequests, kDropReplies };

  explicit TestProxy(uint16_t server_port) : server_port_(server_port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        listen(listener_, 16) == 0 &&
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      port_ = ntohs(address.sin_port);
    }
    thread_ = std::thread([this] { Run(); });
  }
  ~TestProxy() {
    stopped_ = true;
    Wake();
    thread_.join();
    close(listener_);
    close(wake_);
  }
  TestProxy(const TestProxy&) = delete;
  TestProxy& operator=(const TestProxy&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  void SetMode(Mode mode) { mode_ = mode; }
  // Passes everything until a client has sent a request that contains these bytes, and drops
  // replies from then on. The server gets `copies` copies of that request.
  void DropRepliesAfter(std::string request, int copies = 1) {
    const MutexLock lock(mutex_);
    last_answered_ = std::move(request);
    copies_ = copies;
  }
  // Holds the next request that contains these bytes, and everything its client sends after it.
  void Hold(std::string request) {
    const MutexLock lock(mutex_);
    held_ = std::move(request);
  }
  void WaitUntilHeld() {
    MutexLock lock(mutex_);
    while (!holds_) changed_.Wait(mutex_);
  }
  // Passes the held requests.
  void Release() {
    {
      const MutexLock lock(mutex_);
      held_.reset();
      holds_ = false;
    }
    Wake();
  }
  // Ends all connections; new ones pass everything.
  void Cut() {
    MutexLock lock(mutex_);
    cut_ = true;
    Wake();
    while (cut_) changed_.Wait(mutex_);
  }

  // Returns the requests so far, in order, without those dropped or held.
  std::vector<Opcode> requests() {
    const MutexLock lock(mutex_);
    return requests_;
  }
  size_t Count(Opcode opcode) {
    const MutexLock lock(mutex_);
    return static_cast<size_t>(std::ranges::count(requests_, opcode));
  }
  void WaitForCount(Opcode opcode, size_t count) {
    MutexLock lock(mutex_);
    while (static_cast<size_t>(std::ranges::count(requests_, opcode)) < count) {
      changed_.Wait(mutex_);
    }
  }

 private:
  struct Connection {
    int client = -1;
    int server = -1;
    std::string requests;     // Bytes from the client that are not processed yet.
    bool introduced = false;  // The first request introduces the client and has no opcode.
    bool held = false;
  };

  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void Wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
  }

  void Run() {
    while (!stopped_) {
      std::vector<pollfd> fds = {{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const Connection& connection : connections_) {
        fds.push_back({connection.held ? -1 : connection.client, POLLIN, 0});
        fds.push_back({connection.server, POLLIN, 0});
      }
      poll(fds.data(), fds.size(), -1);
      if (fds[0].revents != 0) {
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = read(wake_, &count, sizeof(count));
      }
      if (CutIfAsked()) continue;
      std::vector<Connection> open;
      for (size_t i = 0; i < connections_.size(); ++i) {
        Connection& connection = connections_[i];
        const bool up =
            (fds[2 + 2 * i].revents == 0 || TakeRequests(&connection)) && PassRequests(&connection);
        const bool down = fds[3 + 2 * i].revents == 0 || PassReplies(connection);
        if (up && down) {
          open.push_back(std::move(connection));
        } else {
          Close(connection);
        }
      }
      connections_ = std::move(open);
      if (fds[1].revents != 0) Accept();
    }
    CloseAll();
  }

  bool CutIfAsked() {
    const MutexLock lock(mutex_);
    if (!std::exchange(cut_, false)) return false;
    CloseAll();
    mode_ = Mode::kPass;
    changed_.NotifyAll();
    return true;
  }

  void Accept() {
    Connection connection;
    connection.client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    connection.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(server_port_);
    if (connect(connection.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
        0) {
      connections_.push_back(std::move(connection));
    } else {
      Close(connection);
    }
  }

  // These return false if the connection has ended.
  static bool TakeRequests(Connection* connection) {
    std::array<char, 65536> buffer;
    const ssize_t size = recv(connection->client, buffer.data(), buffer.size(), 0);
    if (size <= 0) return false;
    connection->requests.append(buffer.data(), static_cast<size_t>(size));
    return true;
  }
  bool PassReplies(const Connection& connection) const {
    std::array<char, 65536> buffer;
    const ssize_t size = recv(connection.server, buffer.data(), buffer.size(), 0);
    if (size <= 0) return false;
    if (mode_ == Mode::kDropReplies) return true;
    return Send(connection.client, std::string_view(buffer.data(), static_cast<size_t>(size)));
  }
  static bool Send(int to, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  bool PassRequests(Connection* connection) {
    std::string_view left = connection->requests;
    bool open = true;
    connection->held = false;
    while (const auto request = open ? FirstRequest(left) : std::nullopt) {
      connection->held = Holds(*request);
      if (connection->held) break;
      open = PassRequest(*request, connection);
      left.remove_prefix(request->size());
    }
    connection->requests.erase(0, connection->requests.size() - left.size());
    return open;
  }
  bool PassRequest(std::string_view request, Connection* connection) {
    if (mode_ == Mode::kDropRequests) return true;
    int copies = 1;
    {
      const MutexLock lock(mutex_);
      if (last_answered_ && request.contains(*last_answered_)) {
        last_answered_.reset();
        mode_ = Mode::kDropReplies;
        copies = copies_;
      }
    }
    for (int i = 0; i < copies; ++i) {
      if (!Send(connection->server, request)) return false;
    }
    if (std::exchange(connection->introduced, true)) Note(request);
    return true;
  }
  bool Holds(std::string_view request) {
    const MutexLock lock(mutex_);
    if (!held_ || !request.contains(*held_)) return false;
    holds_ = true;
    changed_.NotifyAll();
    return true;
  }
  void Note(std::string_view request) {
    const MutexLock lock(mutex_);
    requests_.push_back(static_cast<Opcode>(NumberAt(request, kOpcodeAt)));
    changed_.NotifyAll();
  }

  // A request is its length, then its number, then its opcode.
  static constexpr size_t kOpcodeAt = 8;
  static uint32_t NumberAt(std::string_view bytes, size_t at) {
    uint32_t number = 0;
    std::memcpy(&number, bytes.data() + at, sizeof(number));
    return ntohl(number);
  }
  static std::optional<std::string_view> FirstRequest(std::string_view bytes) {
    if (bytes.size() < sizeof(uint32_t)) return std::nullopt;
    const size_t size = sizeof(uint32_t) + NumberAt(bytes, 0);
    if (bytes.size() < size) return std::nullopt;
    return bytes.substr(0, size);
  }

  static void Close(const Connection& connection) {
    close(connection.client);
    close(connection.server);
  }
  void CloseAll() {
    for (const Connection& connection : connections_) Close(connection);
    connections_.clear();
  }

  const uint16_t server_port_;
  int listener_ = -1;
  uint16_t port_ = 0;
  const int wake_ = eventfd(0, EFD_CLOEXEC);
  std::atomic<Mode> mode_ = Mode::kPass;
  std::atomic<bool> stopped_ = false;
  Mutex mutex_;
  CondVar changed_;
  bool cut_ TEPUI_GUARDED_BY(mutex_) = false;
  // Set by DropRepliesAfter, until it was seen.
  std::optional<std::string> last_answered_ TEPUI_GUARDED_BY(mutex_);
  int copies_ TEPUI_GUARDED_BY(mutex_) = 1;
  std::optional<std::string> held_ TEPUI_GUARDED_BY(mutex_);  // Set by Hold.
  bool holds_ TEPUI_GUARDED_BY(mutex_) = false;
  std::vector<Opcode> requests_ TEPUI_GUARDED_BY(mutex_);
  // Used by the thread only.
  std::vector<Connection> connections_;
  std::thread thread_;
};

}  // namespace tepui::zookeeper
