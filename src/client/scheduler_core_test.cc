// SPDX-License-Identifier: Apache-2.0
#include "client/scheduler_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/virtual_clock.h"
#include "client/fake_link.h"

namespace tepui::client {
namespace {

using mesos::v1::scheduler::APIResult;
using mesos::v1::scheduler::Call;
using mesos::v1::scheduler::Event;
using State = SchedulerCore::State;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

class SchedulerCoreTest : public ::testing::Test {
 protected:
  SchedulerCoreTest() {
    core_ = std::make_unique<SchedulerCore>(
        SchedulerCore::Options{}, clock_, random_, link_,
        SchedulerCore::Callbacks{.connected = [this] { log_.push_back("connected"); },
                                 .disconnected = [this] { log_.push_back("disconnected"); },
                                 .received =
                                     [this](Event event) {
                                       log_.push_back(Event::Type_Name(event.type()));
                                       events_.push_back(std::move(event));
                                     }});
    core_->OnLeader(Endpoint{.host = "master", .port = 5050});
  }

  void Connect() {
    clock_.Advance(500ms);
    ASSERT_EQ(core_->state(), State::kConnecting);
    link_.FinishConnect();
    ASSERT_EQ(core_->state(), State::kConnected);
  }

  static Call Subscribe() {
    Call call;
    call.set_type(Call::SUBSCRIBE);
    call.mutable_subscribe()->mutable_framework_info()->set_user("user");
    call.mutable_subscribe()->mutable_framework_info()->set_name("name");
    return call;
  }

  static Call Revive() {
    Call call;
    call.set_type(Call::REVIVE);
    call.mutable_framework_id()->set_value("f");
    return call;
  }

  static net::Response Answer(unsigned status, std::string body = "") {
    net::Response response;
    response.status = status;
    response.body = std::move(body);
    if (status == 200) response.headers.Set("Mesos-Stream-Id", "stream-1");
    if (status == 307) response.headers.Set("Location", "//leader:5051/api/v1/scheduler");
    return response;
  }

  static std::string Subscribed(double heartbeat_seconds) {
    Event event;
    event.set_type(Event::SUBSCRIBED);
    event.mutable_subscribed()->mutable_framework_id()->set_value("f");
    event.mutable_subscribed()->set_heartbeat_interval_seconds(heartbeat_seconds);
    return event.SerializeAsString();
  }

  static std::string Heartbeat() {
    Event event;
    event.set_type(Event::HEARTBEAT);
    return event.SerializeAsString();
  }

  void ConnectAndSubscribe() {
    Connect();
    ASSERT_TRUE(core_->Send(Subscribe()));
    link_.AnswerSubscribe(Answer(200));
    link_.SendRecord(Subscribed(15));
    ASSERT_EQ(core_->state(), State::kSubscribed);
    log_.clear();
    events_.clear();
  }

  VirtualClock clock_;
  SeededRandom random_{1};
  FakeLink link_;
  std::vector<std::string> log_;
  std::vector<Event> events_;
  std::unique_ptr<SchedulerCore> core_;
};

TEST_F(SchedulerCoreTest, ConnectsAfterARandomDelay) {
  EXPECT_EQ(core_->state(), State::kDisconnected);
  EXPECT_THAT(link_.endpoints, IsEmpty());
  Connect();
  EXPECT_THAT(link_.endpoints, ElementsAre(Endpoint{.host = "master", .port = 5050}));
  EXPECT_THAT(log_, ElementsAre("connected"));
}

// Reference 1.2: SUBSCRIBE carries no Mesos-Stream-Id, every later call carries that of the master.
TEST_F(SchedulerCoreTest, SubscribesAndSendsWithTheStreamId) {
  Connect();
  EXPECT_TRUE(core_->Send(Subscribe()));
  EXPECT_EQ(core_->state(), State::kSubscribing);
  ASSERT_THAT(link_.subscribed, SizeIs(1));
  Call sent;
  ASSERT_TRUE(sent.ParseFromString(link_.subscribed[0]));
  EXPECT_EQ(sent.subscribe().framework_info().name(), "name");

  link_.AnswerSubscribe(Answer(200));
  EXPECT_EQ(core_->state(), State::kSubscribed);
  link_.SendRecord(Subscribed(15));
  EXPECT_THAT(log_, ElementsAre("connected", "SUBSCRIBED"));

  EXPECT_TRUE(core_->Send(Revive()));
  ASSERT_THAT(link_.posted, SizeIs(1));
  EXPECT_EQ(link_.posted[0].stream_id, "stream-1");
  link_.AnswerPost(Answer(202));
  EXPECT_EQ(core_->state(), State::kSubscribed);
}

TEST_F(SchedulerCoreTest, DropsCallsInTheWrongState) {
  EXPECT_THAT(core_->Send(Subscribe()).error().message,
              HasSubstr("SUBSCRIBE cannot be sent while the scheduler is disc"));
  Connect();
  EXPECT_THAT(core_->Send(Revive()).error().message,
              HasSubstr("REVIVE cannot be sent while the scheduler is connected"));
  ASSERT_TRUE(core_->Send(Subscribe()));
  EXPECT_FALSE(core_->Send(Subscribe()));
  EXPECT_FALSE(core_->Send(Revive()));
  link_.AnswerSubscribe(Answer(200));
  EXPECT_FALSE(core_->Send(Subscribe()));
  EXPECT_THAT(link_.subscribed, SizeIs(1));
  EXPECT_THAT(link_.posted, IsEmpty());
}

TEST_F(SchedulerCoreTest, DropsCallsThatLackRequiredFields) {
  Connect();
  Call call;
  call.set_type(Call::SUBSCRIBE);
  call.mutable_subscribe()->mutable_framework_info();
  EXPECT_THAT(core_->Send(call).error().message,
              HasSubstr("SUBSCRIBE lacks subscribe.framework_info.user"));
  EXPECT_EQ(core_->state(), State::kConnected);
}

// Reference 1.1: a recovering master answers 503; the scheduler tries again.
TEST_F(SchedulerCoreTest, ASubscribeThatCameTooEarlyMayBeSentAgain) {
  Connect();
  for (const unsigned status : {503u, 404u}) {
    ASSERT_TRUE(core_->Send(Subscribe()));
    link_.AnswerSubscribe(Answer(status));
    EXPECT_EQ(core_->state(), State::kConnected);
  }
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(SchedulerCoreTest, ARefusedSubscribeIsAnErrorEvent) {
  Connect();
  ASSERT_TRUE(core_->Send(Subscribe()));
  link_.AnswerSubscribe(Answer(403, "no such role"));
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].type(), Event::ERROR);
  EXPECT_THAT(events_[0].error().message(), HasSubstr("no such role"));
}

TEST_F(SchedulerCoreTest, ASubscriptionWithoutStreamIdIsDropped) {
  Connect();
  ASSERT_TRUE(core_->Send(Subscribe()));
  net::Response response;
  link_.AnswerSubscribe(response);
  EXPECT_EQ(core_->state(), State::kDisconnected);
}

TEST_F(SchedulerCoreTest, ReconnectsWithGrowingDelays) {
  clock_.Advance(500ms);
  // Each failure doubles the bound, which the sum of the delays shows, since the random fraction is
  // fixed.
  Duration longest{};
  for (int i = 0; i < 20; ++i) {
    link_.FinishConnect(Fail(Code::kUnavailable, "refused"));
    EXPECT_EQ(core_->state(), State::kDisconnected);
    const MonotonicTime before = clock_.Now();
    while (core_->state() == State::kDisconnected) ASSERT_TRUE(clock_.Step());
    longest = std::max(longest, clock_.Now() - before);
    EXPECT_LE(clock_.Now() - before, 30s);
  }
  EXPECT_GT(longest, 10s);
  // A connection that was never made is not reported.
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(SchedulerCoreTest, ALostStreamDisconnectsAndConnectsAgain) {
  ConnectAndSubscribe();
  link_.EndStream("gone");
  EXPECT_EQ(core_->state(), State::kDisconnected);
  EXPECT_THAT(log_, ElementsAre("disconnected"));
  Connect();
  EXPECT_THAT(log_, ElementsAre("disconnected", "connected"));
  // The old stream's id is not used any more.
  EXPECT_FALSE(core_->Send(Revive()));
}

TEST_F(SchedulerCoreTest, ALostCallConnectionDisconnects) {
  ConnectAndSubscribe();
  ASSERT_TRUE(core_->Send(Revive()));
  link_.AnswerPost(Fail(Code::kUnavailable, "reset by peer"));
  EXPECT_THAT(log_, ElementsAre("disconnected"));
}

TEST_F(SchedulerCoreTest, ARefusedCallIsAnErrorEvent) {
  ConnectAndSubscribe();
  ASSERT_TRUE(core_->Send(Revive()));
  link_.AnswerPost(Answer(400, "bad role"));
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_THAT(events_[0].error().message(), HasSubstr("bad role"));
  EXPECT_EQ(core_->state(), State::kSubscribed);
}

// Reference 1.1: a master that does not lead answers 307 with the leader's address.
TEST_F(SchedulerCoreTest, FollowsTheLeader) {
  Connect();
  ASSERT_TRUE(core_->Send(Subscribe()));
  link_.AnswerSubscribe(Answer(307));
  EXPECT_THAT(log_, ElementsAre("connected", "disconnected"));
  clock_.Advance(1s);
  EXPECT_EQ(ToString(link_.endpoints.back()), "leader:5051");
  link_.FinishConnect();
  ASSERT_TRUE(core_->Send(Subscribe()));
  link_.AnswerSubscribe(Answer(200));
  EXPECT_EQ(core_->state(), State::kSubscribed);

  // The next search starts at the configured master.
  link_.EndStream("gone");
  clock_.Advance(1s);
  EXPECT_EQ(ToString(link_.endpoints.back()), "master:5050");
}

TEST_F(SchedulerCoreTest, ACallMayFindThatAnotherLeads) {
  ConnectAndSubscribe();
  ASSERT_TRUE(core_->Send(Revive()));
  link_.AnswerPost(Answer(307));
  clock_.Advance(1s);
  EXPECT_EQ(ToString(link_.endpoints.back()), "leader:5051");
}

TEST_F(SchedulerCoreTest, RedirectsInACircleEndAtTheConfiguredMaster) {
  Connect();
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(core_->Send(Subscribe()));
    link_.AnswerSubscribe(Answer(307));
    clock_.Advance(31s);
    link_.FinishConnect();
  }
  EXPECT_EQ(ToString(link_.endpoints.back()), "master:5050");
}

TEST_F(SchedulerCoreTest, ARedirectWithoutLocationIsAFailure) {
  Connect();
  ASSERT_TRUE(core_->Send(Subscribe()));
  net::Response response;
  response.status = 307;
  link_.AnswerSubscribe(response);
  clock_.Advance(1s);
  EXPECT_EQ(ToString(link_.endpoints.back()), "master:5050");
}

// Reference 1.2: heartbeats every heartbeat_interval_seconds.
TEST_F(SchedulerCoreTest, ASilentMasterIsDisconnected) {
  ConnectAndSubscribe();
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(70s);
    link_.SendRecord(Heartbeat());
  }
  EXPECT_EQ(core_->state(), State::kSubscribed);
  clock_.Advance(74s);
  EXPECT_EQ(core_->state(), State::kSubscribed);
  clock_.Advance(1s);
  EXPECT_THAT(log_, ::testing::Contains("disconnected"));
}

TEST_F(SchedulerCoreTest, WithoutAnIntervalSilenceIsFine) {
  Connect();
  ASSERT_TRUE(core_->Send(Subscribe()));
  link_.AnswerSubscribe(Answer(200));
  link_.SendRecord(Subscribed(0));
  clock_.Advance(24h);
  EXPECT_EQ(core_->state(), State::kSubscribed);
}

TEST_F(SchedulerCoreTest, AnUnreadableEventIsAnErrorEvent) {
  ConnectAndSubscribe();
  link_.SendRecord("\xff\xff");
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].type(), Event::ERROR);
  EXPECT_EQ(core_->state(), State::kSubscribed);
}

TEST_F(SchedulerCoreTest, ReconnectOnRequest) {
  core_->Reconnect("no reason");
  EXPECT_THAT(log_, IsEmpty());
  ConnectAndSubscribe();
  core_->Reconnect("because");
  EXPECT_THAT(log_, ElementsAre("disconnected"));
  Connect();
}

TEST_F(SchedulerCoreTest, CallReturnsTheAnswer) {
  ConnectAndSubscribe();
  std::optional<Result<APIResult>> result;
  core_->Call(Revive(), [&](Result<APIResult> answer) { result = std::move(answer); });
  link_.AnswerPost(Answer(202));
  ASSERT_TRUE(result && *result);
  EXPECT_EQ((*result)->status_code(), 202u);
  EXPECT_FALSE((*result)->has_error());

  // UPDATE_FRAMEWORK may be refused without harm to the subscription (reference 1.2).
  core_->Call(Revive(), [&](Result<APIResult> answer) { result = std::move(answer); });
  link_.AnswerPost(Answer(409, "gone meanwhile"));
  ASSERT_TRUE(result && *result);
  EXPECT_EQ((*result)->status_code(), 409u);
  EXPECT_THAT((*result)->error(), HasSubstr("gone meanwhile"));
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(SchedulerCoreTest, CallFailsWithoutASubscription) {
  std::vector<std::string> failures;
  const auto fail = [&](Result<APIResult> answer) { failures.push_back(answer.error().message); };
  core_->Call(Revive(), fail);
  ConnectAndSubscribe();
  core_->Call(Subscribe(), fail);
  core_->Call(Revive(), fail);
  core_->Call(Revive(), fail);
  link_.AnswerPost(Fail(Code::kUnavailable, "reset"));
  ASSERT_THAT(failures, SizeIs(4));
  EXPECT_THAT(failures[0], HasSubstr("while the scheduler is disconnected"));
  EXPECT_THAT(failures[1], HasSubstr("SUBSCRIBE has no single answer"));
  // One lost answer drops the connection, and all calls in flight fail with it.
  EXPECT_THAT(failures[2], HasSubstr("connection to the master was lost"));
  EXPECT_THAT(failures[3], HasSubstr("connection to the master was lost"));
}

TEST_F(SchedulerCoreTest, CallsInFlightAreAnsweredAtTheEnd) {
  ConnectAndSubscribe();
  std::string failure;
  core_->Call(Revive(), [&](Result<APIResult> answer) { failure = answer.error().message; });
  core_.reset();
  EXPECT_EQ(failure, "the client was closed");
}

}  // namespace
}  // namespace tepui::client
