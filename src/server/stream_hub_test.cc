// SPDX-License-Identifier: Apache-2.0
#include "server/stream_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mesos/v1/master/master.pb.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/recordio.h"

namespace tepui::server {
namespace {

using mesos::v1::scheduler::Event;
using testing::ElementsAre;
using testing::IsEmpty;
using wire::ContentType;

// What a sink was asked to do. Used on the encoder's thread; a test reads it after Finish.
struct Told {
  std::vector<std::string> calls;  // An event is its record.
  std::move_only_function<void()> on_ended;
  bool destroyed = false;
};

class FakeSink : public web::EventSink {
 public:
  explicit FakeSink(std::shared_ptr<Told> told, ContentType type = ContentType::kJson)
      : told_(std::move(told)), type_(type) {}
  ~FakeSink() override { told_->destroyed = true; }

  void Accept(std::move_only_function<void()> on_ended) override {
    told_->calls.emplace_back("accept");
    told_->on_ended = std::move(on_ended);
  }
  void Refuse(const Error& why) override { told_->calls.push_back("refuse: " + why.message); }
  void Write(web::OutgoingEvent& event) override { told_->calls.push_back(event.Record(type_)); }
  void Close() override { told_->calls.emplace_back("close"); }

 private:
  const std::shared_ptr<Told> told_;
  const ContentType type_;
};

// Changes the event after each Write: the records of later sinks show whether it was encoded again.
class SpoilingSink final : public FakeSink {
 public:
  SpoilingSink(std::shared_ptr<Told> told, ContentType type, std::shared_ptr<Event> event)
      : FakeSink(std::move(told), type), event_(std::move(event)) {}

  void Write(web::OutgoingEvent& event) override {
    FakeSink::Write(event);
    event_->mutable_error()->mutable_message()->append("!");
  }

 private:
  const std::shared_ptr<Event> event_;
};

// Ends as soon as it is accepted, before Accept returns.
class DeadSink final : public FakeSink {
 public:
  using FakeSink::FakeSink;
  void Accept(std::move_only_function<void()> on_ended) override {
    FakeSink::Accept({});
    on_ended();
  }
};

// Sets a promise when it is refused.
class Signal final : public web::EventSink {
 public:
  explicit Signal(std::promise<void> refused) : refused_(std::move(refused)) {}
  void Accept(std::move_only_function<void()>) override {}
  void Refuse(const Error&) override { refused_.set_value(); }
  void Write(web::OutgoingEvent&) override {}
  void Close() override {}

 private:
  std::promise<void> refused_;
};

std::shared_ptr<Event> ErrorEvent(const std::string& message) {
  auto event = std::make_shared<Event>();
  event->set_type(Event::ERROR);
  event->mutable_error()->set_message(message);
  return event;
}

std::string Record(const google::protobuf::Message& event, ContentType type = ContentType::kJson) {
  return wire::EncodeRecord(wire::Encode(event, type));
}
std::string Record(const std::string& message) { return Record(*ErrorEvent(message)); }

class StreamHubTest : public testing::Test {
 protected:
  StreamHub::StreamId Open(std::shared_ptr<Told> told) {
    return hub_.Open(std::make_unique<FakeSink>(std::move(told)));
  }
  StreamHub::StreamId OpenAccepted(std::shared_ptr<Told> told) {
    const auto stream = Open(std::move(told));
    hub_.Answer(stream, {});
    return stream;
  }
  // Waits until the encoder has done what it was asked for so far.
  void Finish() {
    std::promise<void> refused;
    const std::future<void> done = refused.get_future();
    const auto stream = hub_.Open(std::make_unique<Signal>(std::move(refused)));
    hub_.Answer(stream, Fail(Code::kUnavailable, "done"));
    done.wait();
  }

  std::vector<StreamHub::StreamId> closed_;
  StreamHub hub_{[this](StreamHub::StreamId stream) { closed_.push_back(stream); }};
};

TEST_F(StreamHubTest, WritesInTheOrderOfTheCalls) {
  const auto told = std::make_shared<Told>();
  const auto stream = OpenAccepted(told);
  hub_.Send(stream, ErrorEvent("1"));
  hub_.Send({{stream, ErrorEvent("2")}, {stream, ErrorEvent("3")}});
  hub_.Send(stream, ErrorEvent("4"));
  hub_.Close(stream);
  hub_.Send(stream, ErrorEvent("dropped"));
  Finish();
  EXPECT_THAT(told->calls,
              ElementsAre("accept", Record("1"), Record("2"), Record("3"), Record("4"), "close"));
  EXPECT_TRUE(told->destroyed);
}

TEST_F(StreamHubTest, ABatchClosesInItsOrder) {
  const auto told = std::make_shared<Told>();
  const auto other = std::make_shared<Told>();
  const auto stream = OpenAccepted(told);
  const auto stays = OpenAccepted(other);
  hub_.Send({{stream, ErrorEvent("1")},
             {stream, nullptr},
             {stream, ErrorEvent("dropped")},
             {stays, ErrorEvent("2")}});
  Finish();
  EXPECT_THAT(told->calls, ElementsAre("accept", Record("1"), "close"));
  EXPECT_THAT(other->calls, ElementsAre("accept", Record("2")));
}

TEST_F(StreamHubTest, KeepsTheOrderOfEachCaller) {
  const auto told = std::make_shared<Told>();
  const auto stream = OpenAccepted(told);
  std::vector<std::string> sent;
  for (int i = 100; i < 200; ++i) sent.push_back(std::to_string(i));
  const auto send = [&](const std::string& name) {
    for (const std::string& number : sent) hub_.Send(stream, ErrorEvent(name + number));
  };
  std::thread one(send, "one");
  send("two");
  one.join();
  Finish();
  for (const std::string name : {"one", "two"}) {
    std::vector<std::string> expected, got;
    for (const std::string& number : sent) expected.push_back(Record(name + number));
    std::ranges::copy_if(told->calls, std::back_inserter(got),
                         [&](const std::string& call) { return call.contains(name); });
    EXPECT_EQ(got, expected);
  }
}

TEST_F(StreamHubTest, KeepsEventsUntilTheStreamIsAccepted) {
  const auto told = std::make_shared<Told>();
  const auto stream = Open(told);
  hub_.Send(stream, ErrorEvent("1"));
  hub_.Send(stream, ErrorEvent("2"));
  Finish();
  EXPECT_THAT(told->calls, IsEmpty());
  hub_.Answer(stream, {});
  hub_.Send(stream, ErrorEvent("3"));
  Finish();
  EXPECT_THAT(told->calls, ElementsAre("accept", Record("1"), Record("2"), Record("3")));
}

TEST_F(StreamHubTest, ARefusedStreamGetsNothingElse) {
  const auto told = std::make_shared<Told>();
  const auto stream = Open(told);
  hub_.Send(stream, ErrorEvent("1"));
  hub_.Answer(stream, Fail(Code::kForbidden, "no"));
  hub_.Send(stream, ErrorEvent("2"));
  hub_.Close(stream);
  Finish();
  EXPECT_THAT(told->calls, ElementsAre("refuse: no"));
  EXPECT_TRUE(told->destroyed);
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(StreamHubTest, AnswersOnce) {
  const auto told = std::make_shared<Told>();
  const auto stream = OpenAccepted(told);
  hub_.Answer(stream, Fail(Code::kForbidden, "too late"));
  hub_.Answer(stream, {});
  Finish();
  EXPECT_THAT(told->calls, ElementsAre("accept"));
}

TEST_F(StreamHubTest, AStreamThatIsClosedBeforeItsAnswerIsDropped) {
  const auto told = std::make_shared<Told>();
  const auto stream = Open(told);
  hub_.Close(stream);
  hub_.Answer(stream, {});
  Finish();
  EXPECT_THAT(told->calls, IsEmpty());
  EXPECT_TRUE(told->destroyed);
}

TEST_F(StreamHubTest, ReportsASinkThatEnds) {
  const auto told = std::make_shared<Told>();
  const auto other = std::make_shared<Told>();
  const auto stream = OpenAccepted(told);
  const auto stays = OpenAccepted(other);
  Finish();
  std::thread([&] { told->on_ended(); }).join();  // As an I/O thread does.
  hub_.Send({{stream, ErrorEvent("dropped")}, {stays, ErrorEvent("1")}});
  Finish();
  EXPECT_THAT(closed_, ElementsAre(stream));
  EXPECT_THAT(told->calls, ElementsAre("accept"));
  EXPECT_TRUE(told->destroyed);
  EXPECT_THAT(other->calls, ElementsAre("accept", Record("1")));
}

TEST_F(StreamHubTest, ReportsASinkThatEndsWhenItIsAccepted) {
  const auto told = std::make_shared<Told>();
  const auto stream = hub_.Open(std::make_unique<DeadSink>(told));
  hub_.Answer(stream, {});
  Finish();  // Now the report waits for the encoder.
  Finish();
  EXPECT_THAT(closed_, ElementsAre(stream));
  EXPECT_TRUE(told->destroyed);
}

TEST_F(StreamHubTest, DoesNotReportAStreamThatItClosedItself) {
  const auto told = std::make_shared<Told>();
  const auto stream = OpenAccepted(told);
  hub_.Close(stream);
  Finish();
  told->on_ended();
  Finish();
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(StreamHubTest, StopEndsEveryStream) {
  const auto accepted = std::make_shared<Told>();
  const auto waiting = std::make_shared<Told>();
  const auto stream = OpenAccepted(accepted);
  Open(waiting);
  Finish();
  hub_.Stop();
  hub_.Stop();
  hub_.Send(stream, ErrorEvent("dropped"));
  accepted->on_ended();
  EXPECT_THAT(accepted->calls, ElementsAre("accept", "close"));
  EXPECT_THAT(waiting->calls, IsEmpty());
  EXPECT_TRUE(accepted->destroyed && waiting->destroyed);
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(StreamHubTest, EncodesAnEventOnceForAllItsStreams) {
  const auto event = ErrorEvent("shared");
  const auto other = std::make_shared<Told>();
  const auto other_stream = OpenAccepted(other);
  std::vector<std::shared_ptr<Told>> told;
  std::vector<StreamHub::Outgoing> batch;
  for (const ContentType type :
       {ContentType::kJson, ContentType::kProtobuf, ContentType::kJson, ContentType::kProtobuf}) {
    told.push_back(std::make_shared<Told>());
    const auto stream = hub_.Open(std::make_unique<SpoilingSink>(told.back(), type, event));
    hub_.Answer(stream, {});
    batch.push_back({stream, event});
    batch.push_back({other_stream, ErrorEvent("between")});
  }
  const std::string json = Record("shared");
  // The second stream is the first that wants protobuf. By then the event was changed once.
  const std::string protobuf = Record(*ErrorEvent("shared!"), ContentType::kProtobuf);
  hub_.Send(std::move(batch));
  Finish();
  EXPECT_THAT(told[0]->calls, ElementsAre("accept", json));
  EXPECT_THAT(told[1]->calls, ElementsAre("accept", protobuf));
  EXPECT_THAT(told[2]->calls, ElementsAre("accept", json));
  EXPECT_THAT(told[3]->calls, ElementsAre("accept", protobuf));
  EXPECT_EQ(other->calls.size(), 5u);
}

TEST_F(StreamHubTest, EncodesAnEventOfALaterBatchAgain) {
  const auto event = ErrorEvent("shared");
  const auto told = std::make_shared<Told>();
  const auto stream = OpenAccepted(told);
  hub_.Send(stream, event);
  Finish();
  event->mutable_error()->set_message("other");
  hub_.Send(stream, event);
  Finish();
  EXPECT_THAT(told->calls, ElementsAre("accept", Record("shared"), Record("other")));
}

TEST_F(StreamHubTest, WhoSendsMuchWaitsForTheEncoder) {
  std::promise<void> release;
  class Blocking final : public web::EventSink {
   public:
    explicit Blocking(std::future<void> released) : released_(std::move(released)) {}
    void Accept(std::move_only_function<void()>) override { released_.wait(); }
    void Refuse(const Error&) override {}
    void Write(web::OutgoingEvent&) override {}
    void Close() override {}

   private:
    std::future<void> released_;
  };
  const auto stream = hub_.Open(std::make_unique<Blocking>(release.get_future()));
  hub_.Answer(stream, {});
  const auto event = ErrorEvent("many");
  hub_.Send(std::vector<StreamHub::Outgoing>(StreamHub::kMostWaiting, {stream, event}));
  std::future<void> sent = std::async(std::launch::async, [&] { hub_.Send(stream, event); });
  EXPECT_EQ(sent.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  release.set_value();
  sent.wait();
}

// The hub does not know the types of events.
TEST_F(StreamHubTest, CarriesEventsOfAnyType) {
  const auto event = std::make_shared<mesos::v1::master::Event>();
  event->set_type(mesos::v1::master::Event::HEARTBEAT);
  const auto told = std::make_shared<Told>();
  hub_.Send(OpenAccepted(told), event);
  Finish();
  EXPECT_THAT(told->calls, ElementsAre("accept", Record(*event)));
}

}  // namespace
}  // namespace tepui::server
