// SPDX-License-Identifier: Apache-2.0
// Tests an agent's link against a real server that acts as the master.
#include "server/master_link.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "web/responses.h"
#include "wire/recordio.h"

namespace tepui::server {
namespace {

using std::chrono::seconds;

class MasterLinkTest : public ::testing::Test {
 protected:
  MasterLinkTest()
      : server_(threads_, {}, [this](net::Request request, net::Responder responder) {
          OnRequest(std::move(request), std::move(responder));
        }) {
    EXPECT_TRUE(server_.Listen("127.0.0.1", 0));
    MasterLink::Events events;
    events.on_event = [this](const link::Event&) { Note([this] { ++subscribed_; }); };
    events.on_disconnected = [this](const std::string& reason) {
      Note([this, &reason] { broken_.push_back(reason); });
    };
    link_.emplace(threads_, loop_, std::move(events));
    link_->SetMaster({.host = "127.0.0.1", .port = server_.port()});
  }

  ~MasterLinkTest() override {
    server_.Stop();
    loop_.Stop();
    link_.reset();
    const MutexLock lock(mutex_);
    stuck_.clear();
  }

  // The master's side: subscriptions are answered at once, and so are batches unless they must get
  // stuck.
  void OnRequest(net::Request request, net::Responder responder) {
    link::Calls calls;
    ASSERT_TRUE(calls.ParseFromString(request.body));
    if (calls.calls(0).type() == link::Call::SUBSCRIBE) {
      link::Event event;
      event.set_type(link::Event::PING);
      net::Headers headers;
      headers.Add("Mesos-Stream-Id", "s");
      auto stream = std::move(responder).StartStream(200, std::move(headers));
      stream->Write(wire::EncodeRecord(event.SerializeAsString()));
      return Note([&] { streams_.push_back(std::move(stream)); });
    }
    bool answer = true;
    Note([&] {
      batches_.push_back({calls.calls_size(), request.body.size()});
      if (stick_) stuck_.push_back(std::move(responder));
      answer = !stick_;
    });
    if (answer) std::move(responder).Send(web::TextResponse(202, ""));
  }

  template <class Change>
  void Note(Change change) {
    const MutexLock lock(mutex_);
    change();
    changed_.NotifyAll();
  }
  template <class Condition>
  bool Wait(Condition condition) {
    const MutexLock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + seconds(20);
    while (!condition() && changed_.WaitUntil(mutex_, until)) {
    }
    return condition();
  }

  // Waits until the link is open.
  void Subscribe() {
    const int before = subscribed_;
    link::Call::Subscribe subscribe;
    subscribe.mutable_info()->set_hostname("h");
    subscribe.set_version("1");
    loop_.Run([&] { link_->Subscribe(subscribe); });
    ASSERT_TRUE(Wait([&] { return subscribed_ > before; }));
  }
  void Send(int count, size_t bytes) {
    loop_.Run([&] {
      for (int i = 0; i < count; ++i) {
        link::Call call;
        call.set_type(link::Call::EXECUTOR_MESSAGE);
        call.mutable_executor_message()->mutable_framework_id()->set_value("f");
        call.mutable_executor_message()->mutable_executor_id()->set_value("e");
        call.mutable_executor_message()->set_data(std::string(bytes, 'x'));
        link_->Send(std::move(call));
      }
    });
  }

  struct Batch {
    int calls;
    size_t bytes;
  };

  Mutex mutex_;
  CondVar changed_;
  bool stick_ = false;
  int subscribed_ = 0;
  std::vector<Batch> batches_;
  std::vector<std::string> broken_;
  std::vector<net::Responder> stuck_;
  std::vector<std::shared_ptr<net::Stream>> streams_;

  net::IoThreads threads_{2};
  EventLoop loop_{"agent"};
  net::Server server_;
  std::optional<MasterLink> link_;
};

TEST_F(MasterLinkTest, BatchesStayBelowTheBodyLimitOfTheMaster) {
  Subscribe();
  constexpr int kCalls = 40;
  Send(kCalls, 1 << 20);
  const auto arrived = [this] {
    int calls = 0;
    for (const Batch& batch : batches_) calls += batch.calls;
    return calls;
  };
  ASSERT_TRUE(Wait([&] { return arrived() == kCalls; }));
  for (const Batch& batch : batches_) EXPECT_LT(batch.bytes, size_t{6} << 20);
  EXPECT_TRUE(broken_.empty());
}

// The connection of a closed link may hang for long; the next link's calls are sent at once.
TEST_F(MasterLinkTest, ANewLinkDoesNotWaitForTheOldOnesBatch) {
  Note([this] { stick_ = true; });
  Subscribe();
  Send(1, 1);
  ASSERT_TRUE(Wait([this] { return stuck_.size() == 1; }));
  Note([this] { stick_ = false; });
  Subscribe();
  Send(1, 1);
  EXPECT_TRUE(Wait([this] { return batches_.size() == 2; }));
}

// The core sends lists, so the link must not end in the middle of one.
TEST_F(MasterLinkTest, ALinkToAMasterThatReadsNothingIsClosedOnce) {
  Note([this] { stick_ = true; });
  Subscribe();
  bool inside = false;
  loop_.Run([&] {
    for (int i = 0; i < 300; ++i) {
      link::Call call;
      call.set_type(link::Call::EXECUTOR_MESSAGE);
      call.mutable_executor_message()->mutable_framework_id()->set_value("f");
      call.mutable_executor_message()->mutable_executor_id()->set_value("e");
      call.mutable_executor_message()->set_data(std::string(1 << 20, 'x'));
      link_->Send(std::move(call));
    }
    const MutexLock lock(mutex_);
    inside = !broken_.empty();
  });
  EXPECT_FALSE(inside);
  EXPECT_TRUE(Wait([this] { return !broken_.empty(); }));
  loop_.Run([] {});
  EXPECT_EQ(broken_.size(), 1u);
}

TEST_F(MasterLinkTest, IsDrainedWhenAllIsAnsweredOrOver) {
  Subscribe();
  int drained = 0;
  const auto drain = [&] { loop_.Run([&] { link_->Drain([&] { Note([&] { ++drained; }); }); }); };
  drain();
  EXPECT_EQ(drained, 1) << "nothing was sent";
  Send(2000, 1);
  drain();
  ASSERT_TRUE(Wait([&] { return drained == 2; }));
  int calls = 0;
  for (const Batch& batch : batches_) calls += batch.calls;
  EXPECT_EQ(calls, 2000);

  Note([this] { stick_ = true; });
  Send(1, 1);
  drain();
  ASSERT_TRUE(Wait([this] { return stuck_.size() == 1; }));
  EXPECT_EQ(drained, 2);
  loop_.Run([this] { link_->Disconnect(); });
  EXPECT_EQ(drained, 3);
}

}  // namespace
}  // namespace tepui::server
