// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "net/http.h"
#include "net/test_socket.h"

namespace tepui::net {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Returns the body of a chunked response, up to its last chunk or the end of the bytes.
std::string Unchunk(std::string_view bytes) {
  std::string body;
  while (!bytes.empty()) {
    const size_t line = bytes.find("\r\n");
    if (line == std::string_view::npos) break;
    const size_t size = std::stoul(std::string(bytes.substr(0, line)), nullptr, 16);
    if (size == 0) break;
    body += bytes.substr(line + 2, size);
    bytes.remove_prefix(std::min(bytes.size(), line + 2 + size + 2));
  }
  return body;
}

// Every request is answered by a stream, which the test holds.
class StreamTest : public testing::Test {
 protected:
  void Serve(ServerOptions options = {}) {
    server_ = std::make_unique<Server>(threads_, options, [this](Request, Responder responder) {
      Headers headers;
      headers.Add("Content-Type", "application/json");
      stream_ = std::move(responder).StartStream(200, std::move(headers));
      stream_->OnClosed([this] { closed_.Add(); });
      started_.Add();
    });
    ASSERT_TRUE(server_->Listen("127.0.0.1", 0));
  }
  // Sends the request and reads the response's head.
  std::string Begin(TestSocket& socket, std::string_view request = "GET / HTTP/1.1\r\n\r\n") {
    socket.Say(request);
    const std::string head = socket.ReadUntil("\r\n\r\n");
    EXPECT_TRUE(started_.WaitFor(1));
    return head;
  }

  IoThreads threads_{2};
  Tally started_;
  Tally closed_;
  std::shared_ptr<Stream> stream_;
  std::unique_ptr<Server> server_;
};

TEST_F(StreamTest, HeadersComeAtOnceAndOneChunkAWrite) {
  Serve();
  TestSocket socket(server_->port());
  const std::string head = Begin(socket, "GET / HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(head, Not(HasSubstr("gzip")));  // Streams are never compressed (reference 1.1).
  EXPECT_TRUE(stream_->Write("hello"));
  EXPECT_TRUE(stream_->Write(""));
  EXPECT_TRUE(stream_->Write(std::string(17, 'x')));
  EXPECT_EQ(socket.ReadBytes(10 + 23), "5\r\nhello\r\n11\r\n" + std::string(17, 'x') + "\r\n");
  EXPECT_FALSE(stream_->closed());
  stream_->Close();
  EXPECT_EQ(socket.ReadAll(), "0\r\n\r\n");
  EXPECT_TRUE(closed_.WaitFor(1));
  EXPECT_FALSE(stream_->Write("more"));
}

TEST_F(StreamTest, OldClientsGetTheBytesAsTheyAre) {
  Serve();
  TestSocket socket(server_->port());
  const std::string head = Begin(socket, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(head, Not(HasSubstr("chunked")));
  stream_->Write("hello");
  stream_->Close();
  EXPECT_EQ(socket.ReadAll(), "hello");
}

TEST_F(StreamTest, HeadHasNoStream) {
  Serve();
  TestSocket socket(server_->port());
  Begin(socket, "HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(closed_.WaitFor(1));
  EXPECT_FALSE(stream_->Write("x"));
  EXPECT_TRUE(socket.Ended());
}

TEST_F(StreamTest, PeerThatGoesIsNoticedWithoutAWrite) {
  Serve();
  {
    TestSocket socket(server_->port());
    Begin(socket);
    socket.Say("bytes that nobody asked for");
    EXPECT_EQ(closed_.count(), 0);
  }
  EXPECT_TRUE(closed_.WaitFor(1));
  EXPECT_TRUE(stream_->closed());
}

TEST_F(StreamTest, CallbackRunsAtOnceIfItHasEnded) {
  Serve();
  TestSocket socket(server_->port());
  Begin(socket);
  server_->Stop();
  EXPECT_EQ(closed_.count(), 1);
  Tally again;
  stream_->OnClosed([&] { again.Add(); });
  EXPECT_EQ(again.count(), 1);
}

TEST_F(StreamTest, SlowReaderIsCutAtTheBacklog) {
  constexpr size_t kBacklog = 1 << 20;
  Serve({.max_stream_backlog_bytes = kBacklog});
  TestSocket socket(server_->port(), 4096);
  Begin(socket);
  size_t accepted = 0;
  while (stream_->Write(std::string(1000, 'x'))) accepted += 1000;
  EXPECT_GE(accepted, kBacklog / 2);
  EXPECT_LT(accepted, kBacklog + (64U << 20));  // The kernel may have buffered the rest.
  EXPECT_TRUE(stream_->closed());
  EXPECT_TRUE(closed_.WaitFor(1));
  EXPECT_LE(Unchunk(socket.ReadAll()).size(), accepted);
}

TEST_F(StreamTest, BacklogsAreBoundTogether) {
  constexpr size_t kMemory = 64 << 20;
  const auto memory = std::make_shared<MemoryBudget>(kMemory);
  Serve({.memory = memory, .max_stream_backlog_bytes = kMemory});
  TestSocket deaf(server_->port(), 4096);
  Begin(deaf);
  const auto deaf_stream = stream_;
  while (memory->used() < kMemory * 3 / 4)
    ASSERT_TRUE(deaf_stream->Write(std::string(1 << 16, 'x')));
  TestSocket reader(server_->port(), 4096);
  reader.Say("GET / HTTP/1.1\r\n\r\n");
  reader.ReadUntil("\r\n\r\n");
  EXPECT_TRUE(started_.WaitFor(2));
  // The one that holds the most makes room.
  EXPECT_TRUE(stream_->Write(std::string(kMemory * 3 / 8, 'x')));
  EXPECT_TRUE(closed_.WaitFor(1));
  EXPECT_FALSE(deaf_stream->Write("x"));
  EXPECT_FALSE(stream_->closed());
  server_->Stop();
  EXPECT_EQ(memory->used(), 0U);
}

TEST_F(StreamTest, CloseGivesUpAfterTheWriteTimeout) {
  Serve({.write_timeout = std::chrono::milliseconds(50)});
  TestSocket socket(server_->port(), 4096);
  Begin(socket);
  ASSERT_TRUE(stream_->Write(std::string(32 << 20, 'x')));
  stream_->Close();
  EXPECT_TRUE(closed_.WaitFor(1));
}

TEST_F(StreamTest, ManySmallRecordsThroughASlowReader) {
  Serve();
  TestSocket socket(server_->port(), 4096);
  Begin(socket);
  std::string expected;
  for (int i = 0; i < 10'000; ++i) expected += "record " + std::to_string(i) + "\n";
  std::thread writer([this] {
    for (int i = 0; i < 10'000; ++i)
      EXPECT_TRUE(stream_->Write("record " + std::to_string(i) + "\n"));
    stream_->Close();
  });
  std::string got;
  for (std::string piece; !(piece = socket.ReadBytes(777)).empty();) got += piece;
  writer.join();
  EXPECT_THAT(got, EndsWith("\r\n0\r\n\r\n"));
  EXPECT_EQ(Unchunk(got), expected);
}

TEST_F(StreamTest, WritersOfManyThreads) {
  Serve();
  TestSocket socket(server_->port());
  Begin(socket);
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([this, w] {
      for (int i = 0; i < 5000; ++i) stream_->Write(std::to_string(w));
    });
  }
  std::thread closer([&] {
    for (std::thread& writer : writers) writer.join();
    stream_->Close();
  });
  std::string body = Unchunk(socket.ReadAll());
  closer.join();
  EXPECT_EQ(body.size(), 20'000U);
  for (const char w : {'0', '1', '2', '3'}) EXPECT_EQ(std::ranges::count(body, w), 5000);
}

TEST_F(StreamTest, AnswersBeforeAStreamGoFirst) {
  std::vector<Responder> held;
  Tally received;
  Server server(threads_, {}, [&](Request, Responder responder) {
    held.push_back(std::move(responder));
    received.Add();
  });
  ASSERT_TRUE(server.Listen("127.0.0.1", 0));
  TestSocket socket(server.port());
  socket.Say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(received.WaitFor(3));
  const auto behind = std::move(held[2]).StartStream(200, {});
  const auto stream = std::move(held[1]).StartStream(200, {});
  EXPECT_TRUE(stream->Write("streamed"));
  std::move(held[0]).Send({.status = 200, .headers = {}, .body = "first"});
  EXPECT_EQ(socket.ReadAnswer().body, "first");
  EXPECT_THAT(socket.ReadUntil("\r\n\r\n"), HasSubstr("chunked"));
  EXPECT_EQ(socket.ReadBytes(13), "8\r\nstreamed\r\n");
  // Nothing follows a stream on its connection.
  Tally closed;
  behind->OnClosed([&] { closed.Add(); });
  EXPECT_TRUE(closed.WaitFor(1));
  EXPECT_TRUE(behind->closed());
  server.Stop();
}

TEST_F(StreamTest, StopWhileManyAreWritten) {
  Mutex mutex;
  std::vector<std::shared_ptr<Stream>> streams;
  Tally started;
  Tally ended;
  auto server =
      std::make_unique<Server>(threads_, ServerOptions{}, [&](Request, Responder responder) {
        auto stream = std::move(responder).StartStream(200, {});
        stream->OnClosed([&] { ended.Add(); });
        const MutexLock lock(mutex);
        streams.push_back(std::move(stream));
        started.Add();
      });
  ASSERT_TRUE(server->Listen("127.0.0.1", 0));
  std::vector<TestSocket> sockets;
  for (int i = 0; i < 8; ++i) {
    sockets.emplace_back(server->port());
    sockets.back().Say("GET / HTTP/1.1\r\n\r\n");
  }
  ASSERT_TRUE(started.WaitFor(8));
  std::thread writer([&] {
    for (const auto& stream : streams) {
      for (int i = 0; i < 2000; ++i) stream->Write("record");
    }
    while (!std::ranges::all_of(streams,
                                [](const auto& stream) { return !stream->Write("on and on"); })) {
      std::this_thread::yield();
    }
  });
  server.reset();
  EXPECT_EQ(ended.count(), 8);
  writer.join();
}

}  // namespace
}  // namespace tepui::net
