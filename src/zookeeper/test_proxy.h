#pragma once

// For tests: a wire between clients and a server of ZooKeeper that can be cut in one direction.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace tepui::zookeeper {

class TestProxy {
 public:
  // What is dropped is read and thrown away: both ends believe that it arrived.
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
  // Passes all until a client has sent these bytes, and drops replies from then on. To be called
  // before anybody connects.
  void DropRepliesAfter(std::string request) { last_answered_ = std::move(request); }
  // Ends all connections; new ones may be made.
  void Cut() {
    cut_ = true;
    Wake();
  }

 private:
  struct Connection {
    int client = -1;
    int server = -1;
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
        fds.push_back({connection.client, POLLIN, 0});
        fds.push_back({connection.server, POLLIN, 0});
      }
      poll(fds.data(), fds.size(), -1);
      if (fds[0].revents != 0) {
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = read(wake_, &count, sizeof(count));
      }
      if (cut_.exchange(false)) {
        CloseAll();
        continue;
      }
      std::vector<Connection> open;
      for (size_t i = 0; i < connections_.size(); ++i) {
        const Connection& connection = connections_[i];
        const bool up = fds[2 + 2 * i].revents == 0 ||
                        Copy(connection.client, connection.server, Mode::kDropRequests);
        const bool down = fds[3 + 2 * i].revents == 0 ||
                          Copy(connection.server, connection.client, Mode::kDropReplies);
        if (up && down) {
          open.push_back(connection);
        } else {
          Close(connection);
        }
      }
      connections_ = std::move(open);
      if (fds[1].revents != 0) Accept();
    }
    CloseAll();
  }

  void Accept() {
    Connection connection;
    connection.client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    connection.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(server_port_);
    if (connect(connection.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
        0) {
      connections_.push_back(connection);
    } else {
      Close(connection);
    }
  }

  // False: the connection has ended.
  bool Copy(int from, int to, Mode dropping) {
    std::array<char, 65536> buffer;
    const ssize_t size = recv(from, buffer.data(), buffer.size(), 0);
    if (size <= 0) return false;
    if (mode_ == dropping) return true;
    const bool last =
        dropping == Mode::kDropRequests && !last_answered_.empty() &&
        std::string_view(buffer.data(), static_cast<size_t>(size)).contains(last_answered_);
    if (last) {
      last_answered_.clear();
      mode_ = Mode::kDropReplies;
    }
    for (ssize_t sent = 0; sent < size;) {
      const ssize_t n =
          send(to, buffer.data() + sent, static_cast<size_t>(size - sent), MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += n;
    }
    return true;
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
  std::atomic<bool> cut_ = false;
  std::atomic<bool> stopped_ = false;
  // Of the thread only.
  std::string last_answered_;  // What DropRepliesAfter said; empty once it has been seen.
  std::vector<Connection> connections_;
  std::thread thread_;
};

}  // namespace tepui::zookeeper
