// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "net/http.h"
#include "net/test_socket.h"

namespace tepui::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class ClientTest : public testing::Test {
 protected:
  Client Connect(uint16_t port, Client::Options options = {}) {
    return Client(threads_, {.host = "127.0.0.1", .port = port}, options);
  }
  // Sends the request, lets `answer` act as the server, and returns the outcome.
  Result<Response> Exchange(Client& client, Request request, const std::function<void()>& answer) {
    Tally done;
    Result<Response> outcome = Fail(Code::kInternal, "no answer");
    client.Send(std::move(request), [&](Result<Response> result) {
      outcome = std::move(result);
      done.Add();
    });
    answer();
    EXPECT_TRUE(done.WaitFor(1));
    return outcome;
  }

  IoThreads threads_{2};
};

TEST_F(ClientTest, AsksAServerAndReusesTheConnection) {
  Mutex mutex;
  std::vector<std::string> peers;
  Server server(threads_, {}, [&](Request request, Responder responder) {
    const MutexLock lock(mutex);
    peers.push_back(request.peer);
    std::move(responder).Send(
        {.status = 202, .headers = {}, .body = request.body + *request.headers.Find("Host")});
  });
  ASSERT_TRUE(server.Listen("127.0.0.1", 0));
  Client client(threads_, {.host = "localhost", .port = server.port()}, {});
  for (int i = 0; i < 3; ++i) {
    const auto response = SendAndWait(
        client, {.method = "POST", .target = "/x", .headers = {}, .body = "b", .peer = {}});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 202U);
    EXPECT_EQ(response->body, "blocalhost:" + std::to_string(server.port()));
  }
  const MutexLock lock(mutex);
  EXPECT_EQ(peers[0], peers[1]);
  EXPECT_EQ(peers[0], peers[2]);
}

TEST_F(ClientTest, OverAUnixSocket) {
  const std::string path = testing::TempDir() + "net_client_test.sock";
  ::unlink(path.c_str());
  Server server(threads_, {}, [&](Request, Responder responder) {
    std::move(responder).Send({.status = 200, .headers = {}, .body = "unix"});
  });
  ASSERT_TRUE(server.ListenUnix(path));
  Client client(threads_, {.unix_path = path}, {});
  EXPECT_EQ(SendAndWait(client, {})->body, "unix");
}

TEST_F(ClientTest, ManyAtOnceWithFewConnections) {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  Server server(threads_, {}, [&](Request request, Responder responder) {
    most = std::max(most.load(), ++at_once);
    std::thread([&, target = request.target, responder = std::move(responder)]() mutable {
      --at_once;
      std::move(responder).Send({.status = 200, .headers = {}, .body = target});
    }).detach();
  });
  ASSERT_TRUE(server.Listen("127.0.0.1", 0));
  Tally done;
  Client client = Connect(server.port(), {.max_connections = 3});
  for (int i = 0; i < 500; ++i) {
    const std::string target = "/" + std::to_string(i);
    client.Send({.method = "GET", .target = target, .headers = {}, .body = {}, .peer = {}},
                [&, target](Result<Response> response) {
                  EXPECT_TRUE(response && response->body == target);
                  done.Add();
                });
  }
  EXPECT_TRUE(done.WaitFor(500));
  EXPECT_LE(most, 3);
}

TEST_F(ClientTest, OrderedModeKeepsTheOrderOfTheCalls) {
  Mutex mutex;
  std::vector<std::string> seen;
  Server server(threads_, {}, [&](Request request, Responder responder) {
    const MutexLock lock(mutex);
    seen.push_back(request.target);
    std::move(responder).Send({});
  });
  ASSERT_TRUE(server.Listen("127.0.0.1", 0));
  std::vector<std::string> expected;
  std::vector<std::string> answered;
  Tally done;
  Client client = Connect(server.port(), {.ordered = true});
  for (int i = 0; i < 300; ++i) {
    expected.push_back("/" + std::to_string(i));
    client.Send(
        {.method = "POST", .target = expected.back(), .headers = {}, .body = {}, .peer = {}},
        [&, target = expected.back()](Result<Response>) {
          answered.push_back(target);
          done.Add();
        });
  }
  ASSERT_TRUE(done.WaitFor(300));
  const MutexLock lock(mutex);
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(answered, expected);
}

TEST_F(ClientTest, NobodyListens) {
  uint16_t port = 0;
  {
    TestListener listener;
    port = listener.port();
  }
  Client client = Connect(port);
  const auto response = SendAndWait(client, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr("127.0.0.1:" + std::to_string(port)));
  Client nameless(threads_, {.host = "no-such-host.invalid", .port = 1}, {});
  EXPECT_EQ(SendAndWait(nameless, {}).error().code, Code::kUnavailable);
  Client pathless(threads_, {.unix_path = "/no/such/socket"}, {});
  EXPECT_EQ(SendAndWait(pathless, {}).error().code, Code::kUnavailable);
}

TEST_F(ClientTest, TlsIsRefused) {
  Client client(threads_, {.scheme = Scheme::kHttps, .host = "127.0.0.1", .port = 1}, {});
  const auto response = SendAndWait(client, {});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kUnimplemented);
  EXPECT_THAT(response.error().message, HasSubstr("https://127.0.0.1:1: TLS is not supported yet"));
  std::promise<std::optional<Error>> ended;
  const auto stream = client.Subscribe(
      {}, {.on_response = {}, .on_data = {}, .on_end = [&](std::optional<Error> error) {
             ended.set_value(std::move(error));
           }});
  EXPECT_EQ(ended.get_future().get()->code, Code::kUnimplemented);
}

TEST_F(ClientTest, RequestTimeout) {
  TestListener listener;
  Client client = Connect(listener.port(),
                          {.request_timeout = std::chrono::milliseconds(50), .max_connections = 1});
  Tally done;
  for (int i = 0; i < 3; ++i) {  // The first is sent, the others wait for its connection.
    client.Send({}, [&](Result<Response> response) {
      EXPECT_EQ(response.error().code, Code::kUnavailable);
      done.Add();
    });
  }
  EXPECT_TRUE(done.WaitFor(3));
}

TEST_F(ClientTest, WaitingIsBounded) {
  TestListener listener;
  Tally done;
  {
    Client client = Connect(listener.port(), {.max_connections = 1, .max_waiting = 2});
    for (int i = 0; i < 5; ++i) {
      client.Send({}, [&](Result<Response>) { done.Add(); });
    }
    EXPECT_TRUE(done.WaitFor(2));
    EXPECT_EQ(done.count(), 2);
  }
  EXPECT_TRUE(done.WaitFor(5));
}

TEST_F(ClientTest, ServerClosesInsideTheBody) {
  TestListener listener;
  Client client = Connect(listener.port());
  for (const char* part : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 20", "",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    const auto response = Exchange(client, {}, [&] {
      TestSocket peer = listener.Accept();
      peer.ReadUntil("\r\n\r\n");
      peer.Say(part);
    });
    ASSERT_FALSE(response) << part;
    EXPECT_EQ(response.error().code, Code::kUnavailable);
  }
}

TEST_F(ClientTest, BadAndTooLargeResponses) {
  TestListener listener;
  Client client = Connect(listener.port(), {.max_body_bytes = 100});
  struct {
    std::string bytes;
    Code code;
  } const cases[] = {
      {"garbage\r\n\r\n", Code::kUnavailable},
      {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", Code::kTooLarge},
      {"HTTP/1.1 200 OK\r\n\r\n" + std::string(101, 'x'), Code::kTooLarge},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n", Code::kTooLarge},
      {"HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'x'), Code::kUnavailable},
  };
  for (const auto& [bytes, code] : cases) {
    const auto response = Exchange(client, {}, [&] {
      TestSocket peer = listener.Accept();
      peer.ReadUntil("\r\n\r\n");
      peer.Say(bytes);
      peer.ReadAll();
    });
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, code) << response.error().message;
  }
}

TEST_F(ClientTest, BodyThatEndsWithTheConnection) {
  TestListener listener;
  Client client = Connect(listener.port());
  const auto response = Exchange(client, {}, [&] {
    TestSocket peer = listener.Accept();
    peer.ReadUntil("\r\n\r\n");
    peer.Say("HTTP/1.1 200 OK\r\n\r\nto the end");
  });
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "to the end");
}

// The server closes a kept connection just when the next request is sent on it.
TEST_F(ClientTest, StaleConnectionIsRetriedOnceIfHarmless) {
  TestListener listener;
  for (const std::string method : {"GET", "POST"}) {
    Client client = Connect(listener.port());
    TestSocket first(TestSocket::Adopt{-1});
    ASSERT_TRUE(Exchange(client, {}, [&] {
      first.~TestSocket();
      new (&first) TestSocket(listener.Accept());
      first.ReadUntil("\r\n\r\n");
      first.Say(kOk);
    }));
    const auto response = Exchange(
        client, {.method = method, .target = "/", .headers = {}, .body = {}, .peer = {}}, [&] {
          first.ReadUntil("\r\n\r\n");
          first.Close();
          if (method == "POST") return;
          TestSocket second = listener.Accept();
          second.ReadUntil("\r\n\r\n");
          second.Say(kOk);
        });
    EXPECT_EQ(response.has_value(), method == "GET");
  }
  // A request on a new connection that breaks is not sent again.
  Client client = Connect(listener.port());
  EXPECT_FALSE(Exchange(client, {}, [&] { listener.Accept().ReadUntil("\r\n\r\n"); }));
}

TEST_F(ClientTest, ClosedIdleConnectionIsNotUsed) {
  TestListener listener;
  Client client = Connect(listener.port());
  for (int i = 0; i < 3; ++i) {
    const auto response = Exchange(
        client, {.method = "GET", .target = "/", .headers = {}, .body = {}, .peer = {}}, [&] {
          TestSocket peer = listener.Accept();
          peer.ReadUntil("\r\n\r\n");
          peer.Say(kOk);
        });
    EXPECT_TRUE(response);
  }
}

TEST_F(ClientTest, RefusesWhatIsNoRequestLine) {
  TestListener listener;
  Client client = Connect(listener.port());
  for (const auto& [method, target] : std::initializer_list<std::pair<const char*, const char*>>{
           {"GET", "a"}, {"GET", "/a b"}, {"GET", "/a\r\nX: y"}, {"GE T", "/"}, {"", "/"}}) {
    const auto response = SendAndWait(
        client, {.method = method, .target = target, .headers = {}, .body = {}, .peer = {}});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Code::kInvalid);
  }
}

TEST_F(ClientTest, DestructionAndStopEndWhatIsPending) {
  TestListener listener;
  Tally done;
  const auto count = [&](Result<Response> response) {
    EXPECT_EQ(response.error().code, Code::kUnavailable);
    done.Add();
  };
  {
    Client client = Connect(listener.port(), {.max_connections = 1});
    for (int i = 0; i < 3; ++i) client.Send({}, count);
  }
  EXPECT_TRUE(done.WaitFor(3));
  Client client = Connect(listener.port(), {.max_connections = 1});
  for (int i = 0; i < 3; ++i) client.Send({}, count);
  threads_.Stop();
  EXPECT_EQ(done.count(), 6);
  client.Send({}, count);
  EXPECT_EQ(done.count(), 7);
}

// Records the calls of a subscription's handler, in order.
struct Record {
  StreamHandler Handler() {
    return {.on_response =
                [this](const Response& response) {
                  Add("response " + std::to_string(response.status) + " " + response.body);
                },
            .on_data =
                [this](std::string_view bytes) {
                  const MutexLock lock(mutex);
                  data += bytes;
                  received.Add(static_cast<int64_t>(bytes.size()));
                },
            .on_end =
                [this](std::optional<Error> error) {
                  Add(error ? "error" : "end");
                  ended.Add();
                }};
  }
  void Add(std::string event) {
    const MutexLock lock(mutex);
    events.push_back(std::move(event));
  }

  Mutex mutex;
  std::vector<std::string> events;
  std::string data;
  Tally received;
  Tally ended;
};

class SubscribeTest : public ClientTest {
 protected:
  SubscribeTest()
      : server_(threads_, {}, [this](Request request, Responder responder) {
          if (request.target == "/no") {
            return std::move(responder).Send({.status = 403, .headers = {}, .body = "because"});
          }
          const MutexLock lock(mutex_);
          stream_ = std::move(responder).StartStream(200, {});
          stream_->OnClosed([this] { closed_.Add(); });
          started_.Add();
        }) {
    EXPECT_TRUE(server_.Listen("127.0.0.1", 0));
  }
  static Request To(std::string target) {
    return {.method = "POST",
            .target = std::move(target),
            .headers = {},
            .body = "subscribe",
            .peer = {}};
  }

  Tally started_;
  Tally closed_;
  Mutex mutex_;
  std::shared_ptr<Stream> stream_;  // Guarded by mutex_ if there are several.
  Server server_;
};

TEST_F(SubscribeTest, HandsOverWhatComes) {
  Record record;
  Client client = Connect(server_.port(), {.max_body_bytes = 1000});
  const auto subscription = client.Subscribe(To("/"), record.Handler());
  ASSERT_TRUE(started_.WaitFor(1));
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    expected += std::to_string(i) + "\n";
    stream_->Write(std::to_string(i) + "\n");
  }
  stream_->Write("x");
  expected += "x";
  ASSERT_TRUE(record.received.WaitFor(static_cast<int64_t>(expected.size())));
  stream_->Close();
  ASSERT_TRUE(record.ended.WaitFor(1));
  EXPECT_EQ(record.data, expected);
  EXPECT_THAT(record.events, ElementsAre("response 200 ", "end"));
}

TEST_F(SubscribeTest, ASingleByteIsNotHeldBack) {
  Record record;
  Client client = Connect(server_.port());
  const auto subscription = client.Subscribe(To("/"), record.Handler());
  ASSERT_TRUE(started_.WaitFor(1));
  for (int i = 1; i <= 100; ++i) {
    stream_->Write("x");
    ASSERT_TRUE(record.received.WaitFor(i));
  }
}

TEST_F(SubscribeTest, ARefusalComesWithItsBody) {
  Record record;
  Client client = Connect(server_.port());
  const auto subscription = client.Subscribe(To("/no"), record.Handler());
  ASSERT_TRUE(record.ended.WaitFor(1));
  EXPECT_THAT(record.events, ElementsAre("response 403 because", "end"));
}

TEST_F(SubscribeTest, CutAndTimeoutAreErrors) {
  TestListener listener;
  Client client = Connect(listener.port(), {.request_timeout = std::chrono::milliseconds(100)});
  Record silent;
  const auto unanswered = client.Subscribe(To("/"), silent.Handler());
  ASSERT_TRUE(silent.ended.WaitFor(1));
  EXPECT_THAT(silent.events, ElementsAre("error"));
  listener.Accept();

  Record cut;
  Client patient = Connect(listener.port());
  const auto broken = patient.Subscribe(To("/"), cut.Handler());
  {
    TestSocket peer = listener.Accept();
    peer.ReadUntil("subscribe");
    peer.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    ASSERT_TRUE(cut.received.WaitFor(3));
  }
  ASSERT_TRUE(cut.ended.WaitFor(1));
  EXPECT_THAT(cut.events, ElementsAre("response 200 ", "error"));
}

TEST_F(SubscribeTest, AStreamOutlivesTheRequestTimeout) {
  Record record;
  Client client = Connect(server_.port(), {.request_timeout = std::chrono::milliseconds(200)});
  Record probe;
  const auto subscription = client.Subscribe(To("/"), record.Handler());
  ASSERT_TRUE(started_.WaitFor(1));
  stream_->Write("a");
  ASSERT_TRUE(record.received.WaitFor(1));
  // Waits longer than request_timeout: until a later request to a silent server has timed out.
  TestListener silent;
  Client other = Connect(silent.port(), {.request_timeout = std::chrono::milliseconds(250)});
  EXPECT_FALSE(SendAndWait(other, {}));
  stream_->Write("b");
  EXPECT_TRUE(record.received.WaitFor(2));
}

TEST_F(SubscribeTest, NoHandlerAfterCancel) {
  for (int i = 0; i < 50; ++i) {
    auto alive = std::make_unique<std::atomic<int>>(0);
    Client client = Connect(server_.port());
    Tally data;
    auto subscription =
        client.Subscribe(To("/"), {.on_response = [&](const Response&) { ++*alive; },
                                   .on_data =
                                       [&](std::string_view) {
                                         ++*alive;
                                         data.Add();
                                       },
                                   .on_end = [&](std::optional<Error>) { ++*alive; }});
    ASSERT_TRUE(started_.WaitFor(i + 1));
    std::atomic<bool> stop = false;
    std::thread writer([&, stream = [this] {
      const MutexLock lock(mutex_);
      return stream_;
    }()] {
      while (!stop && stream->Write("x")) {
      }
    });
    ASSERT_TRUE(data.WaitFor(1));
    subscription->Cancel();
    alive.reset();  // A handler that still ran would touch freed memory.
    ASSERT_TRUE(closed_.WaitFor(i + 1));
    stop = true;
    writer.join();
  }
}

TEST_F(SubscribeTest, CancelFromAHandler) {
  Client client = Connect(server_.port());
  std::unique_ptr<Client::Subscription> subscription;
  std::atomic<int> calls = 0;
  Tally assigned;
  subscription = client.Subscribe(To("/"), {.on_response =
                                                [&](const Response&) {
                                                  ++calls;
                                                  assigned.WaitFor(1);
                                                  subscription->Cancel();
                                                },
                                            .on_data = [&](std::string_view) { ++calls; },
                                            .on_end = [&](std::optional<Error>) { ++calls; }});
  assigned.Add();
  ASSERT_TRUE(started_.WaitFor(1));
  stream_->Write("x");
  ASSERT_TRUE(closed_.WaitFor(1));
  EXPECT_EQ(calls, 1);
}

TEST_F(SubscribeTest, StopEndsIt) {
  Record record;
  Client client = Connect(server_.port());
  const auto subscription = client.Subscribe(To("/"), record.Handler());
  ASSERT_TRUE(started_.WaitFor(1));
  server_.Stop();
  threads_.Stop();
  EXPECT_EQ(record.ended.count(), 1);
  Record late;
  const auto after = client.Subscribe(To("/"), late.Handler());
  EXPECT_THAT(late.events, ElementsAre("error"));
}

}  // namespace
}  // namespace tepui::net
