// SPDX-License-Identifier: Apache-2.0
// Tests router, streams and refusals through a real server and client.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/event_loop.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "server/stream_hub.h"
#include "web/call_decoding.h"
#include "web/http_event_sink.h"
#include "web/responses.h"
#include "web/router.h"
#include "wire/recordio.h"

namespace tepui::server {
namespace {

using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;

class EdgeTest : public testing::Test {
 protected:
  EdgeTest()
      : server_(threads_, {}, [this](net::Request request, net::Responder responder) {
          router_.Route(std::move(request), std::move(responder));
        }) {}

  void Serve() {
    ASSERT_TRUE(server_.Listen("127.0.0.1", 0));
    client_.emplace(threads_, Endpoint{.host = "127.0.0.1", .port = server_.port()},
                    net::Client::Options{});
  }
  net::Response Send(const std::string& method, const std::string& target) {
    net::Request request;
    request.method = method;
    request.target = target;
    auto response = net::SendAndWait(*client_, std::move(request));
    EXPECT_TRUE(response.has_value()) << response.error().message;
    return response.value_or(net::Response{});
  }

  net::IoThreads threads_{2};
  web::Router router_{"/master"};
  net::Server server_;
  std::optional<net::Client> client_;
};

TEST_F(EdgeTest, ABlockingRouteDoesNotDelayOthers) {
  std::promise<void> release;
  std::atomic<int> begun = 0;
  WorkerPool workers("test", 4);
  router_.AddBlocking(
      "/slow", "GET", workers,
      [&, released = release.get_future().share()](web::Incoming, net::Responder responder) {
        ++begun;
        released.wait();
        std::move(responder).Send(web::TextResponse(200, "slow"));
      });
  router_.Add("/quick", "GET", [](web::Incoming, net::Responder responder) {
    std::move(responder).Send(web::TextResponse(200, "quick"));
  });
  Serve();
  // More than there are I/O threads.
  std::vector<std::unique_ptr<net::Client>> clients;
  std::vector<std::future<net::Response>> answers;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<net::Client>(
        threads_, Endpoint{.host = "127.0.0.1", .port = server_.port()}, net::Client::Options{}));
    answers.push_back(std::async(std::launch::async, [&client = *clients.back()] {
      net::Request request;
      request.method = "GET";
      request.target = "/slow";
      return net::SendAndWait(client, std::move(request)).value_or(net::Response{});
    }));
  }
  while (begun < 4) std::this_thread::yield();
  EXPECT_EQ(Send("GET", "/quick").body, "quick");
  release.set_value();
  for (auto& answer : answers) EXPECT_EQ(answer.get().body, "slow");
  server_.Stop();
  workers.Stop();
}

TEST_F(EdgeTest, BlockingRoutesHaveABound) {
  std::promise<void> release;
  WorkerPool workers("test", 1);
  workers.Submit([released = release.get_future().share()] { released.wait(); });
  for (size_t i = 0; i <= web::Router::kMostWaiting; ++i) workers.Submit([] {});
  router_.AddBlocking("/slow", "GET", workers, [](web::Incoming, net::Responder responder) {
    std::move(responder).Send(web::TextResponse(200, "slow"));
  });
  Serve();
  EXPECT_EQ(Send("GET", "/slow").status, 503u);
  release.set_value();
  while (workers.Waiting() > 0) std::this_thread::yield();
  EXPECT_EQ(Send("GET", "/slow").body, "slow");
  server_.Stop();
  workers.Stop();
}

TEST_F(EdgeTest, RoutesByPathPrefixAndMethod) {
  const auto answer = [](std::string text) {
    return [text](web::Incoming, net::Responder responder) {
      std::move(responder).Send(web::TextResponse(200, text));
    };
  };
  router_.Add("/get", "GET", answer("got"));
  router_.Add("/any", "", answer("any"));
  Serve();
  EXPECT_EQ(Send("GET", "/get").body, "got");
  EXPECT_EQ(Send("GET", "/master/get").body, "got");
  EXPECT_EQ(Send("GET", "/get/").body, "got");
  EXPECT_EQ(Send("PUT", "/any").body, "any");
  EXPECT_EQ(Send("GET", "/masterget").status, 404u);
  EXPECT_EQ(Send("GET", "/other/get").status, 404u);
  EXPECT_EQ(Send("GET", "/%zz").status, 400u);
  EXPECT_EQ(Send("POST", "/get").body, "got");
  EXPECT_EQ(Send("HEAD", "/get").status, 200u);
  const net::Response refused = Send("PUT", "/get");
  EXPECT_EQ(refused.status, 405u);
  ASSERT_NE(refused.headers.Find("Allow"), nullptr);
  EXPECT_EQ(*refused.headers.Find("Allow"), "GET");
}

TEST_F(EdgeTest, ServesOldPathsAndPathsBelow) {
  const auto answer = [](std::string text) {
    return [text](web::Incoming, net::Responder responder) {
      std::move(responder).Send(web::TextResponse(200, text));
    };
  };
  router_.Add("/", "GET", answer("front"));
  router_.Add("/slaves", "GET", answer("slaves"));
  router_.Add("/metrics/snapshot", "GET", answer("metrics"));
  router_.Add("/files/read", "GET", answer("read"));
  router_.Add("/files/read/more", "GET", answer("more"));
  router_.Add("/redirect", "", answer("redirect"));
  Serve();
  const std::pair<std::string, std::string> cases[] = {
      {"/slaves/ID-S1", "slaves"},
      {"/master/slaves/ID-S1", "slaves"},
      {"/slaves/a/b/", "slaves"},
      {"/slaves.json", "slaves"},
      {"/master/slaves.json?x=1", "slaves"},
      {"/slaves/ID.json", "slaves"},
      {"/metrics/snapshot.json", "metrics"},
      {"/files/read/more/still", "more"},
      {"/files/read/other", "read"},
      {"/", "front"},
  };
  for (const auto& [target, body] : cases) EXPECT_EQ(Send("GET", target).body, body) << target;
  for (const std::string target :
       {"/slavesX", "/metrics", "/slaves.jsonx", "/master/nothing", "/redirect/slaves"}) {
    EXPECT_EQ(Send("GET", target).status, 404u) << target;
  }
}

TEST_F(EdgeTest, RefusesForeignPages) {
  std::atomic<int> changes = 0;
  router_.Guard(web::ForeignPagesOf("127.0.0.1", "node1"));
  const auto answer = [](web::Incoming, net::Responder responder) {
    std::move(responder).Send(web::TextResponse(200, ""));
  };
  router_.Add("/read", "GET", answer);
  router_.Add("/change", "POST", [&](web::Incoming, net::Responder responder) {
    ++changes;
    std::move(responder).Send(web::TextResponse(200, ""));
  });
  Serve();
  const auto send = [this](const std::string& path, net::Headers headers) {
    net::Request request;
    request.method = "POST";
    request.target = path;
    request.headers = std::move(headers);
    return net::SendAndWait(*client_, std::move(request)).value_or(net::Response{}).status;
  };
  const auto headers = [](const std::string& host, const std::string& origin) {
    net::Headers all;
    all.Add("Host", host);
    if (!origin.empty()) all.Add("Origin", origin);
    return all;
  };
  EXPECT_EQ(send("/change", headers("node1", "")), 200u);
  EXPECT_EQ(send("/change", headers("node1", "http://node1")), 200u);
  EXPECT_EQ(send("/change", headers("node1", "http://evil")), 403u);
  EXPECT_EQ(send("/change", headers("evil", "")), 403u);
  EXPECT_EQ(send("/read", headers("evil", "")), 403u);
  EXPECT_EQ(send("/read", headers("node1", "http://evil")), 200u);
  EXPECT_EQ(changes, 2);
}

// Below a prefix as well, and for routes that block.
TEST_F(EdgeTest, EveryRequestHasACallerBeforeItsHandlerRuns) {
  router_ =
      web::Router("/master",
                  [](const net::Request& request,
                     std::string_view path) -> std::expected<security::Caller, net::Response> {
                    if (request.method == "PUT")
                      return std::unexpected(web::TextResponse(401, "who are you?"));
                    return security::Caller{.principal = std::string(path)};
                  });
  WorkerPool workers("test", 1);
  const auto answer = [](const web::Incoming& incoming, net::Responder responder) {
    std::move(responder).Send(web::TextResponse(200, incoming.caller.principal.value_or("nobody")));
  };
  router_.Add("/quick", "", answer);
  router_.AddBlocking("/slow", "", workers, answer);
  Serve();
  EXPECT_EQ(Send("GET", "/master/quick/").body, "/quick");
  EXPECT_EQ(Send("GET", "/slow").body, "/slow");
  EXPECT_EQ(Send("PUT", "/quick").status, 401u);
  EXPECT_EQ(Send("PUT", "/slow").body, "who are you?");
  EXPECT_EQ(Send("PUT", "/unknown").status, 404u);
  server_.Stop();
  workers.Stop();
}

TEST_F(EdgeTest, WithoutAnIdentifyFunctionEveryCallerIsAnonymous) {
  router_.Add("/who", "GET", [](const web::Incoming& incoming, net::Responder responder) {
    std::move(responder).Send(
        web::TextResponse(incoming.caller == security::Caller() ? 200 : 500, ""));
  });
  Serve();
  EXPECT_EQ(Send("GET", "/who").status, 200u);
}

// What a subscriber receives of one stream.
struct Reader {
  std::promise<net::Response> response;
  std::promise<void> ended;
  wire::RecordDecoder decoder{1 << 20};
  Mutex mutex;
  std::vector<Event> events;

  net::StreamHandler Handler() {
    net::StreamHandler handler;
    handler.on_response = [this](const net::Response& r) { response.set_value(r); };
    handler.on_data = [this](std::string_view bytes) {
      const MutexLock lock(mutex);
      decoder.Append(bytes);
      while (auto record = *decoder.Next()) {
        ASSERT_TRUE(events.emplace_back().ParseFromString(*record));
      }
    };
    handler.on_end = [this](std::optional<Error>) { ended.set_value(); };
    return handler;
  }
};

class StreamTest : public EdgeTest {
 protected:
  // Every request opens a stream; `opened_` delivers its number.
  void ServeStreams() {
    router_.Add("/stream", "", [this](web::Incoming, net::Responder responder) {
      opened_.set_value(hub_.Open(std::make_unique<web::HttpEventSink>(
          std::move(responder), wire::ContentType::kProtobuf, "the-uuid")));
    });
    Serve();
  }
  ~StreamTest() override {
    client_.reset();
    server_.Stop();
    hub_.Stop();
  }
  static std::shared_ptr<Event> Heartbeat() {
    auto event = std::make_shared<Event>();
    event->set_type(Event::HEARTBEAT);
    return event;
  }
  static std::shared_ptr<Event> ErrorEvent(const std::string& message) {
    auto event = std::make_shared<Event>();
    event->set_type(Event::ERROR);
    event->mutable_error()->set_message(message);
    return event;
  }
  net::Request StreamRequest() {
    net::Request request;
    request.target = "/stream";
    return request;
  }

  std::promise<StreamHub::StreamId> opened_, closed_;
  StreamHub hub_{[this](StreamHub::StreamId stream) { closed_.set_value(stream); }};
};

TEST_F(StreamTest, EventsSentBeforeTheAcceptanceGoFirst) {
  ServeStreams();
  Reader reader;
  auto subscription = client_->Subscribe(StreamRequest(), reader.Handler());
  const auto stream = opened_.get_future().get();
  hub_.Send(stream, ErrorEvent("first"));
  hub_.Answer(stream, {});
  hub_.Send(stream, Heartbeat());
  hub_.Close(stream);
  reader.ended.get_future().wait();

  const net::Response response = reader.response.get_future().get();
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(*response.headers.Find("Mesos-Stream-Id"), "the-uuid");
  EXPECT_EQ(*response.headers.Find("Content-Type"), wire::kApplicationProtobuf);
  ASSERT_EQ(reader.events.size(), 2u);
  EXPECT_EQ(reader.events[0].error().message(), "first");
  EXPECT_EQ(reader.events[1].type(), Event::HEARTBEAT);
}

TEST_F(StreamTest, ARefusalIsAnOrdinaryAnswer) {
  ServeStreams();
  Reader reader;
  auto subscription = client_->Subscribe(StreamRequest(), reader.Handler());
  const auto stream = opened_.get_future().get();
  hub_.Send(stream, Heartbeat());  // The reader never receives it.
  hub_.Answer(stream, Fail(Code::kForbidden, "no"));
  const net::Response response = reader.response.get_future().get();
  EXPECT_EQ(response.status, 403u);
  reader.ended.get_future().wait();
  EXPECT_TRUE(reader.events.empty());
}

TEST_F(StreamTest, TellsWhenThePeerHasGone) {
  ServeStreams();
  Reader reader;
  auto subscription = client_->Subscribe(StreamRequest(), reader.Handler());
  const auto stream = opened_.get_future().get();
  hub_.Answer(stream, {});
  reader.response.get_future().wait();
  subscription->Cancel();
  EXPECT_EQ(closed_.get_future().get(), stream);
  hub_.Send(stream, Heartbeat());  // Dropped.
}

// Reference 1.1, trap 5.
TEST(CallDecoding, ContentTypes) {
  const auto status = [](std::optional<std::string> type, std::string body) {
    net::Request request;
    if (type) request.headers.Add("Content-Type", *type);
    request.body = std::move(body);
    Call call;
    const auto decoded = web::DecodeCall(request, &call);
    return decoded ? 200u : decoded.error().status;
  };
  EXPECT_EQ(status("application/json", R"({"type":"REVIVE"})"), 200u);
  EXPECT_EQ(status("application/x-protobuf", ""), 200u);
  EXPECT_EQ(status(std::nullopt, "{}"), 400u);
  EXPECT_EQ(status("application/JSON", "{}"), 415u);
  EXPECT_EQ(status("application/json; charset=utf-8", "{}"), 415u);
  EXPECT_EQ(status("application/json", "{"), 400u);
  EXPECT_EQ(status("application/x-protobuf", "\xff"), 400u);
}

TEST(Responses, JsonpTakesNamesOnly) {
  net::Url url;
  url.query.emplace_back("jsonp", "app.show");
  EXPECT_EQ(web::JsonResponse("{}", url).body, "app.show({});");
  url.query[0].second = "alert(1)//";
  EXPECT_EQ(web::JsonResponse("{}", url).status, 400u);
}

}  // namespace
}  // namespace tepui::server
