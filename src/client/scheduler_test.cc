// SPDX-License-Identifier: Apache-2.0
#include "tepui/scheduler.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "client/http_link.h"
#include "net/http.h"
#include "wire/recordio.h"

namespace tepui::scheduler {
namespace {

using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A master that answers as in reference 1.2 and records the calls.
class FakeMaster {
 public:
  FakeMaster()
      : server_(threads_, {}, [this](net::Request request, net::Responder responder) {
          OnRequest(std::move(request), std::move(responder));
        }) {
    EXPECT_TRUE(server_.Listen("127.0.0.1", 0));
  }
  ~FakeMaster() {
    server_.Stop();
    threads_.Stop();
  }

  std::string address() const { return fmt::format("127.0.0.1:{}", server_.port()); }

  void Send(const Event& event) {
    const MutexLock lock(mutex_);
    stream_->Write(wire::EncodeRecord(event.SerializeAsString()));
  }

  void CloseStream() {
    const MutexLock lock(mutex_);
    stream_->Close();
  }

  // "TYPE stream-id authorization" of every call.
  std::vector<std::string> calls() const {
    const MutexLock lock(mutex_);
    return calls_;
  }

 private:
  void OnRequest(net::Request request, net::Responder responder) {
    if (request.target == "/health") return std::move(responder).Send({});
    Call call;
    EXPECT_TRUE(call.ParseFromString(request.body));
    const auto header = [&](std::string_view name) {
      const std::string* value = request.headers.Find(name);
      return value == nullptr ? std::string("-") : *value;
    };
    const MutexLock lock(mutex_);
    calls_.push_back(fmt::format("{} {} {}", Call::Type_Name(call.type()),
                                 header("Mesos-Stream-Id"), header("Authorization")));
    if (call.type() == Call::SUBSCRIBE) {
      net::Headers headers;
      headers.Set("Mesos-Stream-Id", fmt::format("stream-{}", ++streams_));
      headers.Set("Content-Type", "application/x-protobuf");
      stream_ = std::move(responder).StartStream(200, std::move(headers));
      Event event;
      event.set_type(Event::SUBSCRIBED);
      event.mutable_subscribed()->mutable_framework_id()->set_value("F");
      event.mutable_subscribed()->set_heartbeat_interval_seconds(15);
      stream_->Write(wire::EncodeRecord(event.SerializeAsString()));
    } else {
      net::Response response;
      response.status = 202;
      std::move(responder).Send(std::move(response));
    }
  }

  mutable Mutex mutex_;
  std::vector<std::string> calls_ TEPUI_GUARDED_BY(mutex_);
  std::shared_ptr<net::Stream> stream_ TEPUI_GUARDED_BY(mutex_);
  int streams_ TEPUI_GUARDED_BY(mutex_) = 0;
  net::IoThreads threads_{1};
  net::Server server_;
};

// What the library reports; a test can wait for it.
class Story {
 public:
  void Add(const std::string& line) {
    const MutexLock lock(mutex_);
    lines_.push_back(line);
    changed_.NotifyAll();
  }
  // Waits until the story has `count` lines.
  std::vector<std::string> Wait(size_t count) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const MutexLock lock(mutex_);
    while (lines_.size() < count && changed_.WaitUntil(mutex_, until)) {
    }
    return lines_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> lines_ TEPUI_GUARDED_BY(mutex_);
};

Call CallOf(Call::Type type) {
  Call call;
  call.set_type(type);
  if (type == Call::SUBSCRIBE) {
    call.mutable_subscribe()->mutable_framework_info()->set_user("u");
    call.mutable_subscribe()->mutable_framework_info()->set_name("n");
  } else {
    call.mutable_framework_id()->set_value("F");
  }
  return call;
}

TEST(SchedulerTest, TalksWithAMasterAndComesBackAfterALoss) {
  FakeMaster master;
  Story story;
  mesos::v1::Credential credential;
  credential.set_principal("p");
  credential.set_secret("s");
  auto library = Mesos::Create(
      master.address(), ContentType::kProtobuf, [&] { story.Add("connected"); },
      [&] { story.Add("disconnected"); },
      [&](std::queue<Event> events) {
        for (; !events.empty(); events.pop()) story.Add(Event::Type_Name(events.front().type()));
      },
      credential);
  ASSERT_TRUE(library);
  EXPECT_THAT(story.Wait(1), ElementsAre("connected"));
  (*library)->Send(CallOf(Call::SUBSCRIBE));
  EXPECT_THAT(story.Wait(2), ElementsAre("connected", "SUBSCRIBED"));

  (*library)->Send(CallOf(Call::SUPPRESS));
  const auto result = (*library)->Call(CallOf(Call::REVIVE)).get();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status_code(), 202u);
  Event heartbeat;
  heartbeat.set_type(Event::HEARTBEAT);
  master.Send(heartbeat);
  EXPECT_THAT(story.Wait(3), Contains("HEARTBEAT"));
  // The calls come in order, with the stream's id and the credential (base64 of "p:s").
  EXPECT_THAT(master.calls(), ElementsAre("SUBSCRIBE - Basic cDpz", "SUPPRESS stream-1 Basic cDpz",
                                          "REVIVE stream-1 Basic cDpz"));

  master.CloseStream();
  EXPECT_THAT(story.Wait(5),
              ElementsAre("connected", "SUBSCRIBED", "HEARTBEAT", "disconnected", "connected"));
  (*library)->Send(CallOf(Call::SUBSCRIBE));
  story.Wait(6);
  (*library)->Reconnect();
  EXPECT_THAT(story.Wait(7).back(), "disconnected");
}

TEST(SchedulerTest, AnUnusableMasterIsASentence) {
  const auto library =
      Mesos::Create("zk://", ContentType::kJson, [] {}, [] {}, [](const std::queue<Event>&) {});
  ASSERT_FALSE(library);
  EXPECT_THAT(library.error(), HasSubstr("zk://"));
}

TEST(SchedulerTest, EndsWhileNoMasterAnswers) {
  net::IoThreads threads(1);
  // A port that was free a moment ago.
  uint16_t port = 0;
  {
    net::Server server(threads, {}, [](net::Request, net::Responder) {});
    ASSERT_TRUE(server.Listen("127.0.0.1", 0));
    port = server.port();
  }
  const auto library = Mesos::Create(
      fmt::format("127.0.0.1:{}", port), ContentType::kProtobuf, [] { ADD_FAILURE(); },
      [] { ADD_FAILURE(); }, [](const std::queue<Event>&) { ADD_FAILURE(); });
  ASSERT_TRUE(library);
  EXPECT_THAT((*library)->Call(CallOf(Call::REVIVE)).get().error(),
              HasSubstr("cannot be sent while"));
}

}  // namespace
}  // namespace tepui::scheduler
