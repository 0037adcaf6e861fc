// SPDX-License-Identifier: Apache-2.0
#include "containers/host/prober.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <future>
#include <thread>

#include "base/event_loop.h"
#include "base/posix/file_descriptor.h"

namespace tepui::containers {
namespace {

// A listening socket on the loopback interface that answers each connection with `answer`, or not
// at all.
class Listener {
 public:
  explicit Listener(std::string answer)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size);
    listen(socket_.get(), 16);
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (!answer.empty()) thread_ = std::thread([this, answer] { Serve(answer); });
  }
  ~Listener() {
    shutdown(socket_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  uint16_t port() const { return port_; }

 private:
  void Serve(const std::string& answer) {
    while (true) {
      FileDescriptor peer(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) return;
      char request[4096];
      if (recv(peer.get(), request, sizeof(request), 0) <= 0) continue;
      send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      // Stays open until the prober closes the connection.
      while (recv(peer.get(), request, sizeof(request), 0) > 0) continue;
    }
  }

  FileDescriptor socket_;
  uint16_t port_ = 0;
  std::thread thread_;
};

class ProberTest : public testing::Test {
 protected:
  Result<int> Http(uint16_t port, Duration timeout = std::chrono::seconds(20)) {
    std::promise<Result<int>> promise;
    prober_.Http("http", "127.0.0.1", port, "/health", timeout, [&](Result<int> status) {
      EXPECT_TRUE(loop_.OnLoopThread());
      promise.set_value(std::move(status));
    });
    return promise.get_future().get();
  }
  Result<bool> Tcp(uint16_t port) {
    std::promise<Result<bool>> promise;
    prober_.Tcp("127.0.0.1", port, std::chrono::seconds(20),
                [&](Result<bool> open) { promise.set_value(std::move(open)); });
    return promise.get_future().get();
  }

  EventLoop loop_{"agent"};
  CurlProber prober_{[this](auto work) { loop_.Post(std::move(work)); }};
};

TEST_F(ProberTest, TheStatusOfAnAnswer) {
  Listener listener("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(Http(listener.port()), 503);
  EXPECT_EQ(Http(listener.port()), 503);
}

TEST_F(ProberTest, ABodyThatNeverEndsIsNotWaitedFor) {
  Listener listener("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nand so on");
  EXPECT_EQ(Http(listener.port()), 200);
}

TEST_F(ProberTest, NoAnswerIsAnError) {
  Listener silent("");
  Result<int> result = Http(silent.port(), std::chrono::milliseconds(100));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
  EXPECT_NE(result.error().message.find("/health"), std::string::npos);
  Listener garbage("what?\r\n\r\n");
  EXPECT_FALSE(Http(garbage.port(), std::chrono::seconds(5)));
}

TEST_F(ProberTest, TcpConnects) {
  uint16_t closed;
  {
    Listener listener("");
    closed = listener.port();
    EXPECT_EQ(Tcp(closed), true);
  }
  EXPECT_EQ(Tcp(closed), false);
}

TEST_F(ProberTest, ProbesInFlightAreDroppedAtTheEnd) {
  Listener silent("");
  bool called = false;
  {
    CurlProber prober([](auto work) { work(); });
    prober.Http("http", "127.0.0.1", silent.port(), "/", std::chrono::seconds(60),
                [&](Result<int>) { called = true; });
  }
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace tepui::containers
