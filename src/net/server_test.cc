// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <future>
#include <map>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "net/gzip.h"
#include "net/http.h"
#include "net/test_socket.h"

namespace tepui::net {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ServerTest : public testing::Test {
 protected:
  void Serve(ServerOptions options, Server::Handler handler) {
    server_ = std::make_unique<Server>(threads_, options, std::move(handler));
    ASSERT_TRUE(server_->Listen("127.0.0.1", 0));
  }
  // Answers with the request as it was parsed.
  void ServeEcho(ServerOptions options = {}) {
    Serve(options, [](Request request, Responder responder) {
      std::move(responder).Send(
          {.status = 200,
           .headers = {},
           .body = request.method + " " + request.target + "\n" + request.body});
    });
  }
  TestSocket Connect() { return TestSocket(server_->port()); }

  IoThreads threads_{2};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersAndKeepsAlive) {
  ServeEcho();
  TestSocket socket = Connect();
  for (int i = 0; i < 3; ++i) {
    const auto [head, body] = socket.Ask("GET /a?b=%20 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(head, HasSubstr("\r\nDate: "));
    EXPECT_THAT(head, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("Connection:")));
    EXPECT_EQ(body, "GET /a?b=%20\n");
  }
}

TEST_F(ServerTest, ConnectionCloseAndHttp10) {
  ServeEcho();
  TestSocket closing = Connect();
  EXPECT_THAT(closing.Ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").head,
              HasSubstr("Connection: close"));
  EXPECT_TRUE(closing.Ended());

  TestSocket old = Connect();
  EXPECT_EQ(old.Ask("GET / HTTP/1.0\r\n\r\n").body, "GET /\n");
  EXPECT_TRUE(old.Ended());

  TestSocket kept = Connect();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(kept.Ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head,
                HasSubstr("Connection: keep-alive"));
  }
}

TEST_F(ServerTest, AnswerMayAskForTheEnd) {
  Serve({}, [](Request, Responder responder) {
    Response response;
    response.headers.Add("Connection", "close");
    response.headers.Add("Content-Length", "7");  // The server determines this.
    response.headers.Add("X", "a\r\nForged: yes");
    std::move(responder).Send(std::move(response));
  });
  TestSocket socket = Connect();
  const auto answer = socket.Ask("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer.head, HasSubstr("Content-Length: 0\r\n"));
  EXPECT_THAT(answer.head, Not(HasSubstr("\nForged")));
  EXPECT_TRUE(socket.Ended());
}

TEST_F(ServerTest, HeadHasNoBody) {
  ServeEcho();
  TestSocket socket = Connect();
  socket.Say("HEAD /abc HTTP/1.1\r\n\r\n");
  EXPECT_THAT(socket.ReadUntil("\r\n\r\n"), HasSubstr("Content-Length: 10\r\n"));
  EXPECT_EQ(socket.Ask("GET /d HTTP/1.1\r\n\r\n").body, "GET /d\n");
}

TEST_F(ServerTest, StatusWithoutBody) {
  Serve({}, [](Request, Responder responder) {
    std::move(responder).Send({.status = 204, .headers = {}, .body = "nobody may see this"});
  });
  TestSocket socket = Connect();
  socket.Say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(socket.ReadUntil("\r\n\r\n"), Not(HasSubstr("Content-Length")));
  socket.Say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(socket.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 204 No Content"));
}

TEST_F(ServerTest, ChunkedBody) {
  ServeEcho();
  TestSocket socket = Connect();
  EXPECT_EQ(socket
                .Ask("POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n "
                     "world\r\n0\r\nT: "
                     "x\r\n\r\n")
                .body,
            "POST /c\nhello world");
}

TEST_F(ServerTest, ExpectContinue) {
  ServeEcho();
  TestSocket socket = Connect();
  for (int i = 0; i < 2; ++i) {
    socket.Say("POST /e HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(socket.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(socket.Ask("body").body, "POST /e\nbody");
  }
  // A client that does not wait does not get 100 Continue.
  EXPECT_EQ(
      socket.Ask("POST /e HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody").body,
      "POST /e\nbody");
  // A body that is too large is refused before it is sent.
  EXPECT_THAT(
      socket.Ask("POST /e HTTP/1.1\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")
          .head,
      StartsWith("HTTP/1.1 413"));
}

// Responses are compressed when the client accepts gzip and the body has 1024 bytes or more
// (reference 1.1).
TEST_F(ServerTest, GzipResponses) {
  Serve({}, [](Request request, Responder responder) {
    std::move(responder).Send({.status = 200,
                               .headers = {},
                               .body = std::string(std::stoul(request.target.substr(1)), 'x')});
  });
  TestSocket socket = Connect();
  const auto packed = socket.Ask("GET /1024 HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_THAT(packed.head, HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_EQ(Gunzip(packed.body, 2000), std::string(1024, 'x'));
  EXPECT_EQ(socket.Ask("GET /1023 HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n").body.size(), 1023U);
  EXPECT_EQ(socket.Ask("GET /2000 HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\n\r\n").body.size(),
            2000U);
  EXPECT_EQ(socket.Ask("GET /2000 HTTP/1.1\r\n\r\n").body.size(), 2000U);
}

TEST_F(ServerTest, GzipRequests) {
  ServeEcho({.max_body_bytes = 10'000});
  const auto post = [this](const std::string& encoding, const std::string& body) {
    return Connect().Ask("POST / HTTP/1.1\r\nContent-Encoding: " + encoding +
                         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  EXPECT_EQ(post("gzip", Gzip("unpacked")).body, "POST /\nunpacked");
  EXPECT_THAT(post("gzip", Gzip(std::string(10'001, 'x'))).head, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(post("gzip", "not gzip").head, StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(post("br", "x").head, StartsWith("HTTP/1.1 415"));
}

TEST_F(ServerTest, APathMayHaveALimitOfItsOwn) {
  ServeEcho({.max_body_bytes = 1000, .lanes = {{"/large", {10'000}}, {"/small", {10}}}});
  const auto post = [this](const std::string& target, const std::string& body,
                           const std::string& more = "") {
    return Connect()
        .Ask("POST " + target + " HTTP/1.1\r\n" + more +
             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body)
        .head;
  };
  EXPECT_THAT(post("/large", std::string(10'000, 'x')), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(post("/large?a=b", std::string(10'000, 'x')), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(post("/large", std::string(10'001, 'x')), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(post("/large/not", std::string(1001, 'x')), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(post("/small", std::string(11, 'x')), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(post("/large", Gzip(std::string(1001, 'x')), "Content-Encoding: gzip\r\n"),
              StartsWith("HTTP/1.1 413"))
      << "few bytes must not become many";

  // On one connection each request gets its own answer.
  TestSocket socket = Connect();
  const auto request = [](const std::string& path) {
    return "POST " + path + " HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x');
  };
  EXPECT_THAT(socket.Ask(request("/large")).head, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(socket.Ask(request("/")).head, StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTest, APackedBodyMayNotGrowTooMuch) {
  ServeEcho();
  const auto post = [this](size_t size) {
    const std::string body = Gzip(std::string(size, 'x'));
    return Connect().Ask("POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  EXPECT_THAT(post(1 << 20).head, StartsWith("HTTP/1.1 200"));
  const auto refused = post(32 << 20);
  EXPECT_THAT(refused.head, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(refused.head, HasSubstr("Connection: close"));
}

std::string Post(const std::string& path, size_t size) {
  return "POST " + path + " HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
         std::string(size, 'x');
}

TEST_F(ServerTest, LargeBodiesHoldNobodyUp) {
  std::promise<void> release;
  Mutex mutex;
  std::vector<std::string> handled;
  Serve({.max_inline_bytes = 100, .lanes = {{"/lane", {1000}}}},
        [&, released = release.get_future().share()](Request request, Responder responder) {
          if (request.target == "/wait") released.wait();
          {
            const MutexLock lock(mutex);
            handled.push_back(request.target);
          }
          std::move(responder).Send({.status = 200, .headers = {}, .body = request.target});
        });
  // All workers are busy.
  std::vector<TestSocket> waiting;
  for (unsigned i = 0; i < std::thread::hardware_concurrency() + 1; ++i) {
    waiting.push_back(Connect());
    waiting.back().Say(Post("/wait", 101));
  }
  waiting.front().Say("GET /behind HTTP/1.1\r\n\r\n");
  EXPECT_EQ(Connect().Ask(Post("/small", 100)).body, "/small");
  EXPECT_EQ(Connect().Ask(Post("/lane", 101)).body, "/lane");
  {
    const MutexLock lock(mutex);
    EXPECT_THAT(handled, testing::ElementsAre("/small", "/lane"));
  }
  release.set_value();
  for (TestSocket& socket : waiting) EXPECT_EQ(socket.ReadAnswer().body, "/wait");
  // A request reaches the handler after those before it on its connection.
  EXPECT_EQ(waiting.front().ReadAnswer().body, "/behind");
}

class BudgetTest : public ServerTest {
 protected:
  const std::shared_ptr<MemoryBudget> memory_ = std::make_shared<MemoryBudget>(100'000);
  const std::shared_ptr<MemoryBudget> lane_memory_ = std::make_shared<MemoryBudget>(100'000);
};

TEST_F(BudgetTest, BodiesThatAreReadCount) {
  ServeEcho({.memory = memory_, .lanes = {{"/lane", {1 << 20, lane_memory_}}}});
  TestSocket slow = Connect();
  slow.Say("POST / HTTP/1.1\r\nContent-Length: 90000\r\n\r\n" + std::string(80'000, 'x'));
  while (memory_->used() < 80'000) std::this_thread::yield();
  EXPECT_EQ(Connect().Ask(Post("/lane", 90'000)).body.size(), 90'011U);
  EXPECT_EQ(memory_->used(), 80'000U);
  // Who holds less is served at the cost of who holds the most.
  EXPECT_EQ(Connect().Ask(Post("/", 50'000)).body.size(), 50'007U);
  EXPECT_TRUE(slow.Ended());
  EXPECT_THAT(Connect().Ask(Post("/", 200'000)).head, StartsWith("HTTP/1.1 503"));
  while (memory_->used() + lane_memory_->used() > 0) std::this_thread::yield();
}

TEST_F(BudgetTest, RequestsCountUntilTheyAreAnswered) {
  std::vector<Responder> held;
  Tally received;
  Serve({.memory = memory_}, [&](Request request, Responder responder) {
    EXPECT_EQ(request.memory->bytes(), 10'000U);
    EXPECT_TRUE(request.memory->Grow(30'000));  // What became of it.
    EXPECT_FALSE(request.memory->Grow(70'000));
    held.push_back(std::move(responder));
    received.Add();
  });
  TestSocket socket = Connect();
  socket.Say(Post("/", 10'000));
  ASSERT_TRUE(received.WaitFor(1));
  EXPECT_EQ(memory_->used(), 40'000U);
  std::move(held[0]).Send({.status = 200, .headers = {}, .body = ""});
  socket.ReadAnswer();
  EXPECT_EQ(memory_->used(), 0U);
}

TEST_F(BudgetTest, AnswersThatNobodyTakesCount) {
  std::vector<Responder> held;
  Tally received;
  Serve({.memory = memory_}, [&](Request, Responder responder) {
    held.push_back(std::move(responder));
    received.Add();
  });
  TestSocket socket = Connect();
  socket.Say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(received.WaitFor(3));
  const auto answer = [&](size_t i, size_t size) {
    std::move(held[i]).Send({.status = 200, .headers = {}, .body = std::string(size, 'x')});
  };
  answer(1, 60'000);
  EXPECT_EQ(memory_->used(), 60'000U);
  answer(2, 60'000);  // It does not fit beside the other.
  answer(0, 10);
  EXPECT_EQ(socket.ReadAnswer().body.size(), 10U);
  EXPECT_EQ(socket.ReadAnswer().body.size(), 60'000U);
  EXPECT_THAT(socket.ReadAnswer().head, StartsWith("HTTP/1.1 503"));
  while (memory_->used() > 0) std::this_thread::yield();
}

TEST_F(ServerTest, PipelinedAnswersKeepTheOrderOfTheRequests) {
  Mutex mutex;
  std::map<std::string, Responder> held;
  Tally received;
  Serve({}, [&](Request request, Responder responder) {
    {
      const MutexLock lock(mutex);
      held.emplace(request.target, std::move(responder));
    }
    received.Add();
  });
  TestSocket socket = Connect();
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
  socket.Say(requests);
  ASSERT_TRUE(received.WaitFor(10));
  std::vector<std::thread> answerers;
  for (int i = 9; i >= 0; --i) {
    const std::string target = "/" + std::to_string(i);
    answerers.emplace_back([responder = std::move(held.at(target)), target]() mutable {
      std::move(responder).Send({.status = 200, .headers = {}, .body = "answer " + target});
    });
    if (i % 2 == 0) answerers.back().join();
  }
  for (std::thread& thread : answerers) {
    if (thread.joinable()) thread.join();
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(socket.ReadAnswer().body, "answer /" + std::to_string(i));
}

TEST_F(ServerTest, PipelineIsBounded) {
  Mutex mutex;
  std::vector<Responder> held;
  Tally received;
  Serve({.max_pipelined = 3}, [&](Request, Responder responder) {
    {
      const MutexLock lock(mutex);
      held.push_back(std::move(responder));
    }
    received.Add();
  });
  TestSocket socket = Connect();
  std::string requests;
  for (int i = 0; i < 7; ++i) requests += "GET / HTTP/1.1\r\n\r\n";
  socket.Say(requests);
  for (int round = 1; round <= 7; ++round) {
    ASSERT_TRUE(received.WaitFor(std::min(7, round + 2)));
    Responder next = [&] {
      const MutexLock lock(mutex);
      EXPECT_LE(received.count(), round + 2);
      Responder first = std::move(held.front());
      held.erase(held.begin());
      return first;
    }();
    std::move(next).Send({.status = 200, .headers = {}, .body = std::to_string(round)});
    EXPECT_EQ(socket.ReadAnswer().body, std::to_string(round));
  }
}

TEST_F(ServerTest, ManyPipelinedRequestsInOneWrite) {
  ServeEcho();
  TestSocket socket = Connect();
  std::string requests;
  for (int i = 0; i < 5000; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n";
  std::thread writer([&] { socket.Say(requests); });
  for (int i = 0; i < 5000; ++i)
    ASSERT_EQ(socket.ReadAnswer().body, "GET /" + std::to_string(i) + "\n");
  writer.join();
}

TEST_F(ServerTest, AnswersWhatWasAskedBeforeTheClientEndedItsSide) {
  ServeEcho();
  TestSocket socket = Connect();
  socket.Say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /part");
  socket.CloseWriting();
  EXPECT_EQ(socket.ReadAnswer().body, "GET /1\n");
  EXPECT_EQ(socket.ReadAnswer().body, "GET /2\n");
  EXPECT_TRUE(socket.Ended());
}

TEST_F(ServerTest, UnansweredBecomes500) {
  Serve({}, [](Request, Responder responder) { Responder dropped = std::move(responder); });
  TestSocket socket = Connect();
  EXPECT_THAT(socket.Ask("GET / HTTP/1.1\r\n\r\n").head,
              StartsWith("HTTP/1.1 500 Internal Server Error"));
  EXPECT_THAT(socket.Ask("GET / HTTP/1.1\r\n\r\n").head, StartsWith("HTTP/1.1 500"));
}

TEST_F(ServerTest, LargeBodiesBothWays) {
  ServeEcho();
  const std::string body(20 << 20, 'b');
  TestSocket socket = Connect();
  std::thread writer([&] {
    socket.Say("POST / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
               body);
  });
  EXPECT_EQ(socket.ReadAnswer().body, "POST /\n" + body);
  writer.join();
}

TEST_F(ServerTest, RefusesWithAReasonAndCloses) {
  ServeEcho({.max_header_bytes = 1000, .max_body_bytes = 1000});
  struct {
    std::string bytes;
    const char* status;
  } const cases[] = {
      {"nonsense\r\n\r\n", "400 Bad Request"},
      {"GET  HTTP/1.1\r\n\r\n", "400 Bad Request"},
      {"GET ?x HTTP/1.1\r\n\r\n", "400 Bad Request"},
      {"GET /" + std::string(1000, 'a') + " HTTP/1.1\r\n\r\n",
       "431 Request Header Fields Too Large"},
      {"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'),
       "413 Request Entity Too Large"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
       "413 Request Entity Too Large"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400 Bad Request"},
  };
  for (const auto& [bytes, status] : cases) {
    TestSocket socket = Connect();
    const auto [head, body] = socket.Ask("GET /first HTTP/1.1\r\n\r\n" + bytes);
    EXPECT_EQ(body, "GET /first\n");
    const auto refusal = socket.ReadAnswer();
    EXPECT_THAT(refusal.head, StartsWith(std::string("HTTP/1.1 ") + status));
    EXPECT_THAT(refusal.head, HasSubstr("Content-Type: text/plain"));
    EXPECT_THAT(refusal.head, HasSubstr("Connection: close"));
    EXPECT_FALSE(refusal.body.empty());
    EXPECT_TRUE(socket.Ended());
  }
  EXPECT_EQ(Connect().Ask("GET /alive HTTP/1.1\r\n\r\n").body, "GET /alive\n");
}

TEST_F(ServerTest, ARefusalReachesAClientThatIsStillSending) {
  ServeEcho({.max_body_bytes = 1000});
  TestSocket socket = Connect();
  std::thread writer([&] {
    socket.Say("POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
    socket.CloseWriting();
  });
  EXPECT_THAT(socket.ReadAnswer().head, StartsWith("HTTP/1.1 413"));
  writer.join();
}

TEST_F(ServerTest, SlowLorisIsCut) {
  ServeEcho({.header_timeout = std::chrono::milliseconds(50)});
  for (const char* begun :
       {"G", "GET / HTTP/1.1\r\nA: b\r\n", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"}) {
    TestSocket socket = Connect();
    socket.Say(begun);
    EXPECT_THAT(socket.ReadAnswer().head, StartsWith("HTTP/1.1 408")) << begun;
    EXPECT_TRUE(socket.Ended());
  }
}

TEST_F(ServerTest, IdleConnectionIsClosedSilently) {
  ServeEcho({.idle_timeout = std::chrono::milliseconds(50)});
  EXPECT_TRUE(Connect().Ended());
  TestSocket used = Connect();
  EXPECT_EQ(used.Ask("GET / HTTP/1.1\r\n\r\n").body, "GET /\n");
  EXPECT_TRUE(used.Ended());
}

TEST_F(ServerTest, AReaderThatTakesNothingIsCut) {
  Tally served;
  Serve({.write_timeout = std::chrono::milliseconds(100)}, [&](Request, Responder responder) {
    std::move(responder).Send({.status = 200, .headers = {}, .body = std::string(16 << 20, 'x')});
    served.Add();
  });
  TestSocket socket(server_->port(), 4096);
  socket.Say("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(served.WaitFor(1));
  // Nothing is read until the server has timed out: when it closes, writing fails on this side.
  while (::send(socket.fd(), "x", 1, MSG_NOSIGNAL) == 1) std::this_thread::yield();
  EXPECT_LT(socket.ReadAll().size(), 16U << 20);
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitAreClosed) {
  ServeEcho({.max_connections = 2});
  TestSocket first = Connect();
  TestSocket second = Connect();
  EXPECT_EQ(first.Ask("GET / HTTP/1.1\r\n\r\n").body, "GET /\n");
  EXPECT_EQ(second.Ask("GET / HTTP/1.1\r\n\r\n").body, "GET /\n");
  EXPECT_TRUE(Connect().Ended());
  first.Close();
  // The place is free once the server has noticed the end.
  std::string body;
  for (int i = 0; i < 10'000 && body.empty(); ++i)
    body = Connect().Ask("GET / HTTP/1.1\r\n\r\n").body;
  EXPECT_EQ(body, "GET /\n");
}

TEST_F(ServerTest, LateAnswersAreHarmless) {
  Mutex mutex;
  std::vector<Responder> held;
  Tally received;
  Serve({}, [&](Request, Responder responder) {
    {
      const MutexLock lock(mutex);
      held.push_back(std::move(responder));
    }
    received.Add();
  });
  {
    TestSocket gone = Connect();
    gone.Say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(received.WaitFor(3));
  }
  std::move(held[0]).Send({.status = 200, .headers = {}, .body = "late"});
  server_->Stop();
  std::move(held[1]).Send({.status = 200, .headers = {}, .body = "later"});
  server_.reset();
  threads_.Stop();
  Tally closed;
  const auto stream = std::move(held[2]).StartStream(200, {});
  stream->OnClosed([&] { closed.Add(); });
  EXPECT_EQ(closed.count(), 1);
  EXPECT_FALSE(stream->Write("too late"));
}

TEST_F(ServerTest, StopWhileBusyWaitsForHandlers) {
  std::atomic<int> running = 0;
  Tally served;
  Serve({}, [&](Request, Responder responder) {
    ++running;
    std::move(responder).Send({.status = 200, .headers = {}, .body = std::string(3000, 'x')});
    served.Add();
    --running;
  });
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([this] {
      TestSocket socket = Connect();
      while (!socket.Ask("GET / HTTP/1.1\r\n\r\n").head.empty()) {
      }
    });
  }
  ASSERT_TRUE(served.WaitFor(200));
  const uint16_t port = server_->port();
  server_->Stop();
  EXPECT_EQ(running, 0);
  const int64_t count = served.count();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(served.count(), count);
  EXPECT_FALSE(TestSocket(port).connected());
  server_->Stop();
}

TEST_F(ServerTest, UnixSocket) {
  const std::string path = testing::TempDir() + "net_server_test.sock";
  ::unlink(path.c_str());
  server_ =
      std::make_unique<Server>(threads_, ServerOptions(), [](Request request, Responder responder) {
        std::move(responder).Send(
            {.status = 200, .headers = {}, .body = "unix peer '" + request.peer + "'"});
      });
  ASSERT_TRUE(server_->ListenUnix(path));
  EXPECT_EQ(TestSocket(path).Ask("GET / HTTP/1.1\r\n\r\n").body, "unix peer ''");
  Server second(threads_, {}, [](Request, Responder) {});
  const Status taken = second.ListenUnix(path);
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr(path));
  server_->Stop();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);

  // A socket file left behind by a killed process is replaced; a plain file is not.
  const auto address = UnixAddress(path);
  const int left = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)), 0);
  ::close(left);
  EXPECT_TRUE(second.ListenUnix(path));
  second.Stop();
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ::close(file);
  Server third(threads_, {}, [](Request, Responder) {});
  EXPECT_FALSE(third.ListenUnix(path));
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  ::unlink(path.c_str());
  EXPECT_EQ(third.ListenUnix(std::string(200, 'p')).error().code, Code::kInvalid);
}

TEST_F(ServerTest, PeerAndFailuresToListen) {
  Serve({}, [&](Request request, Responder responder) {
    std::move(responder).Send({.status = 200, .headers = {}, .body = request.peer});
  });
  EXPECT_THAT(Connect().Ask("GET / HTTP/1.1\r\n\r\n").body, StartsWith("127.0.0.1:"));
  const Status taken = server_->Listen("127.0.0.1", server_->port());
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kConflict);
  EXPECT_THAT(taken.error().message, HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
  EXPECT_EQ(server_->Listen("localhost", 0).error().code, Code::kInvalid);
}

TEST_F(ServerTest, Ipv6TakesIpv4AsWell) {
  server_ = std::make_unique<Server>(
      threads_, ServerOptions(), [&](Request request, Responder responder) {
        std::move(responder).Send({.status = 200, .headers = {}, .body = request.peer});
      });
  if (!server_->Listen("::", 0)) GTEST_SKIP() << "This machine has no IPv6";
  EXPECT_THAT(Connect().Ask("GET / HTTP/1.1\r\n\r\n").body, StartsWith("127.0.0.1:"));
}

// A task that is forked from this process must see none of its sockets.
TEST_F(ServerTest, EveryDescriptorIsCloseOnExec) {
  Tally received;
  Serve({}, [&](Request, Responder responder) {
    received.Add();
    std::move(responder).Send({});
  });
  const std::string path = testing::TempDir() + "net_cloexec_test.sock";
  ::unlink(path.c_str());
  ASSERT_TRUE(server_->ListenUnix(path));
  Client client(threads_, {.host = "127.0.0.1", .port = server_->port()}, {});
  Client local(threads_, {.unix_path = path}, {});
  ASSERT_TRUE(SendAndWait(client, {}));
  ASSERT_TRUE(SendAndWait(local, {}));
  for (int fd = 3; fd < 200; ++fd) {
    struct stat info;
    if (::fstat(fd, &info) != 0 || !S_ISSOCK(info.st_mode)) continue;
    EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC) << "descriptor " << fd;
  }
}

TEST_F(ServerTest, HostileConnectionsDoNotDisturbOthers) {
  ServeEcho();
  std::vector<std::thread> attackers;
  for (int i = 0; i < 4; ++i) {
    attackers.emplace_back([this, i] {
      unsigned state = static_cast<unsigned>(i + 1);
      for (int round = 0; round < 100; ++round) {
        TestSocket socket = Connect();
        std::string bytes =
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        for (int flips = 0; flips < 3; ++flips) {
          state = state * 1103515245 + 12345;
          bytes[(state >> 8) % bytes.size()] = static_cast<char>(state >> 16);
        }
        socket.Say(bytes);
        if (round % 2 == 0) socket.CloseWriting(), socket.ReadAll();
      }
    });
  }
  TestSocket good = Connect();
  for (int i = 0; i < 500; ++i) ASSERT_EQ(good.Ask("GET /g HTTP/1.1\r\n\r\n").body, "GET /g\n");
  for (std::thread& attacker : attackers) attacker.join();
}

}  // namespace
}  // namespace tepui::net
