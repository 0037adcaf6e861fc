// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/master_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "mesos/v1/scheduler/scheduler.pb.h"
#include "sim/nodes/recording_observer.h"
#include "tepui/link.pb.h"
#include "wire/content_type.h"

namespace tepui::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::SizeIs;
using testing::StartsWith;

using Call = mesos::v1::scheduler::Call;
using Event = mesos::v1::scheduler::Event;

constexpr char kScheduler[] = "/api/v1/scheduler";
constexpr char kAgent[] = "/api/v1/agent";

// A request from a client of the master, and its outcome.
struct Exchanged {
  std::unique_ptr<Network::Connection> connection;
  std::optional<net::Response> response;
  std::vector<std::string> records;
  std::string end;

  std::string Header(std::string_view name) const {
    const std::string* value = response ? response->headers.Find(name) : nullptr;
    return value == nullptr ? "" : *value;
  }
};

// Two masters and a client process on host "client".
class MasterNodeTest : public testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    for (const char* host : {"master-0", "master-1"}) {
      masters_.push_back(std::make_unique<MasterNode>(
          MasterNode::Parts{world_, network_, election_, registry_, observer_}, host,
          master::Options()));
    }
  }

  // master-0 leads in epoch 1.
  void StartBoth() {
    masters_[0]->Start();
    Advance(seconds(1));
    masters_[1]->Start();
    Advance(seconds(1));
    ASSERT_EQ(masters_[0]->epoch(), 1u);
    ASSERT_EQ(masters_[1]->epoch(), 0u);
  }

  void Send(Exchanged& exchanged, net::Request request) {
    exchanged.connection->Send(
        std::move(request),
        {.on_response = [&](const net::Response& response) { exchanged.response = response; },
         .on_record = [&](std::string record) { exchanged.records.push_back(std::move(record)); },
         .on_end = [&](const std::string& reason) { exchanged.end = reason; }});
  }

  static net::Request Post(const std::string& target, const google::protobuf::Message& call,
                           const std::string& stream_id = "") {
    net::Request request;
    request.method = "POST";
    request.target = target;
    request.headers.Add("Content-Type", std::string(wire::kApplicationProtobuf));
    request.headers.Add("Accept", std::string(wire::kApplicationProtobuf));
    if (!stream_id.empty()) request.headers.Add("Mesos-Stream-Id", stream_id);
    request.body = wire::Encode(call, wire::ContentType::kProtobuf);
    return request;
  }

  std::unique_ptr<Exchanged> Connect(const Host& to) {
    auto exchanged = std::make_unique<Exchanged>();
    network_.Connect(client_, "client", to, [&](auto connection) {
      ASSERT_TRUE(connection);
      exchanged->connection = std::move(*connection);
    });
    Advance(milliseconds(100));
    return exchanged;
  }

  // Sends the request and waits for the answer.
  std::unique_ptr<Exchanged> Ask(const Host& to, net::Request request) {
    auto exchanged = Connect(to);
    Send(*exchanged, std::move(request));
    Advance(milliseconds(200));
    return exchanged;
  }

  static Call FrameworkSubscribe() {
    Call call;
    call.set_type(Call::SUBSCRIBE);
    auto* info = call.mutable_subscribe()->mutable_framework_info();
    info->set_user("nobody");
    info->set_name("f");
    return call;
  }

  static link::Calls AgentSubscribe(const std::string& hostname) {
    link::Calls calls;
    link::Call* call = calls.add_calls();
    call->set_type(link::Call::SUBSCRIBE);
    call->mutable_subscribe()->mutable_info()->set_hostname(hostname);
    call->mutable_subscribe()->set_version("1.11.0");
    return calls;
  }

  void Advance(Duration by) { world_.clock().Advance(by); }

  World world_{1, /*keep_trace=*/true};
  RecordingObserver observer_;
  Network network_{world_, {}};
  Election election_{world_, network_};
  Registry registry_{world_, observer_};
  std::vector<std::unique_ptr<MasterNode>> masters_;
  Process client_{world_, "client"};
};

TEST_F(MasterNodeTest, OneLeadsAndTheOthersSendCallsThere) {
  StartBoth();
  EXPECT_NE(masters_[0]->read_model(), nullptr);
  EXPECT_EQ(masters_[1]->read_model(), nullptr);
  EXPECT_THAT(observer_.lives,
              ElementsAre("master-0 starts", "master-0 leads 1", "master-1 starts"));
  const auto scheduler = Ask("master-1", Post(kScheduler, FrameworkSubscribe()));
  ASSERT_TRUE(scheduler->response);
  EXPECT_EQ(scheduler->response->status, 307u);
  EXPECT_EQ(scheduler->Header("Location"), "//master-0:5050/api/v1/scheduler");
  const auto agent = Ask("master-1", Post(kAgent, AgentSubscribe("h")));
  EXPECT_EQ(agent->Header("Location"), "//master-0:5050/api/v1/agent");
}

TEST_F(MasterNodeTest, WithoutALeaderOrBeforeItHasRecoveredCallsAre503) {
  network_.Block("master-0", Election::kCoordination);
  masters_[0]->Start();
  const auto leaderless = Ask("master-0", Post(kScheduler, FrameworkSubscribe()));
  EXPECT_EQ(leaderless->response->status, 503u);
  EXPECT_EQ(leaderless->response->body, "No leader elected");
  network_.Unblock("master-0", Election::kCoordination);

  masters_[0]->store().min_delay = masters_[0]->store().max_delay = seconds(14);
  Advance(seconds(10));
  EXPECT_EQ(election_.leader(), "master-0");
  const auto recovering = Ask("master-0", Post(kScheduler, FrameworkSubscribe()));
  EXPECT_EQ(recovering->response->status, 503u);
  EXPECT_EQ(recovering->response->body, "Leading master has not finished recovery");
  EXPECT_EQ(masters_[0]->epoch(), 0u);
  Advance(minutes(1));
  EXPECT_EQ(masters_[0]->epoch(), 1u);
  EXPECT_EQ(Ask("master-0", Post(kScheduler, FrameworkSubscribe()))->response->status, 200u);
}

TEST_F(MasterNodeTest, TheEdgeAnswersAsTheRealOneDoes) {
  StartBoth();
  const auto status = [this](net::Request request) {
    const auto exchanged = Ask("master-0", std::move(request));
    return exchanged->response ? exchanged->response->status : 0;
  };
  net::Request health;
  health.target = "/health";
  EXPECT_EQ(status(health), 200u);
  net::Request unknown;
  unknown.target = "/nowhere";
  EXPECT_EQ(status(unknown), 404u);
  net::Request get;
  get.target = kScheduler;
  EXPECT_EQ(status(get), 405u);

  net::Request untyped = Post(kScheduler, FrameworkSubscribe());
  untyped.headers = {};
  EXPECT_EQ(status(untyped), 400u);
  net::Request text = Post(kScheduler, FrameworkSubscribe());
  text.headers.Set("Content-Type", "text/plain");
  EXPECT_EQ(status(text), 415u);
  net::Request garbage = Post(kAgent, AgentSubscribe("h"));
  garbage.body = "\xff\xff";
  EXPECT_EQ(status(garbage), 400u);
  net::Request deaf = Post(kScheduler, FrameworkSubscribe());
  deaf.headers.Set("Accept", "text/html");
  EXPECT_EQ(status(deaf), 406u);
  EXPECT_EQ(status(Post(kScheduler, FrameworkSubscribe(), "some-stream")), 400u);

  Call revive;
  revive.set_type(Call::REVIVE);
  revive.mutable_framework_id()->set_value("nobody");
  EXPECT_EQ(status(Post(kScheduler, revive)), 400u);
  link::Calls pong;
  pong.add_calls()->set_type(link::Call::PONG);
  EXPECT_EQ(status(Post(kAgent, pong)), 400u);
  link::Calls two = AgentSubscribe("h");
  two.add_calls()->set_type(link::Call::PONG);
  EXPECT_EQ(status(Post(kAgent, two)), 400u);
  EXPECT_THAT(observer_.sent, IsEmpty());
}

TEST_F(MasterNodeTest, AnOperatorsCallsAreServed) {
  StartBoth();
  const auto stream = Ask("master-0", Post(kAgent, AgentSubscribe("h")));
  link::Event event;
  ASSERT_TRUE(event.ParseFromString(stream->records.at(0)));
  mesos::v1::master::Call call;
  call.set_type(mesos::v1::master::Call::MARK_AGENT_GONE);
  *call.mutable_mark_agent_gone()->mutable_agent_id() = event.subscribed().agent_id();
  EXPECT_EQ(Ask("master-1", Post("/api/v1", call))->Header("Location"), "//master-0:5050/api/v1");
  EXPECT_EQ(Ask("master-0", Post("/api/v1", call))->response->status, 200u);
  EXPECT_THAT(observer_.committed, Contains("1 gone " + event.subscribed().agent_id().value()));
  call.mutable_mark_agent_gone()->mutable_agent_id()->set_value("nobody");
  EXPECT_EQ(Ask("master-0", Post("/api/v1", call))->response->status, 404u);
  call.set_type(mesos::v1::master::Call::GET_QUOTA);
  EXPECT_EQ(Ask("master-0", Post("/api/v1", call))->response->status, 501u);

  const auto scheduler = Ask("master-0", Post(kScheduler, FrameworkSubscribe()));
  Event subscribed;
  ASSERT_TRUE(subscribed.ParseFromString(scheduler->records.at(0)));
  net::Request form;
  form.method = "POST";
  form.target = "/teardown";
  form.body = "frameworkId=" + subscribed.subscribed().framework_id().value();
  EXPECT_EQ(Ask("master-0", form)->response->status, 200u);
  EXPECT_TRUE(registry_.IsRemoved(subscribed.subscribed().framework_id().value()));
  EXPECT_EQ(Ask("master-0", form)->response->status, 400u);
  form.body = "framework=f";
  EXPECT_EQ(Ask("master-0", form)->response->status, 400u);
  EXPECT_THAT(observer_.answered,
              ElementsAre("master-0 MARK_AGENT_GONE 200", "master-0 MARK_AGENT_GONE 404",
                          "master-0 TEARDOWN 200", "master-0 TEARDOWN 400"));
}

TEST_F(MasterNodeTest, ASchedulerSubscribesOverTheNetwork) {
  StartBoth();
  const auto stream = Ask("master-0", Post(kScheduler, FrameworkSubscribe()));
  ASSERT_TRUE(stream->response);
  EXPECT_EQ(stream->response->status, 200u);
  EXPECT_EQ(stream->Header("Content-Type"), "application/x-protobuf");
  const std::string stream_id = stream->Header("Mesos-Stream-Id");
  EXPECT_THAT(stream_id, SizeIs(36));
  ASSERT_FALSE(stream->records.empty());
  Event event;
  ASSERT_TRUE(event.ParseFromString(stream->records[0]));
  ASSERT_EQ(event.type(), Event::SUBSCRIBED);
  EXPECT_EQ(event.subscribed().master_info().hostname(), "master-0");
  const std::string id = event.subscribed().framework_id().value();
  EXPECT_THAT(observer_.sent, Contains("master-0 to " + id + ": SUBSCRIBED"));
  EXPECT_THAT(masters_[0]->read_model()->framework_order(), ElementsAre(FrameworkId(id)));

  Call revive;
  revive.set_type(Call::REVIVE);
  revive.mutable_framework_id()->set_value(id);
  EXPECT_EQ(Ask("master-0", Post(kScheduler, revive, stream_id))->response->status, 202u);
  EXPECT_EQ(Ask("master-0", Post(kScheduler, revive, "another"))->response->status, 400u);

  Advance(minutes(1));  // Time for heartbeats.
  EXPECT_GE(stream->records.size(), 5u);
  stream->connection.reset();
  Advance(seconds(1));
  const auto& framework = *masters_[0]->read_model()->frameworks().at(FrameworkId(id)).record;
  EXPECT_FALSE(framework.connected);
}

TEST_F(MasterNodeTest, AnAgentIsAdmittedDurablyAndHearsItAfterwards) {
  StartBoth();
  masters_[0]->store().min_delay = masters_[0]->store().max_delay = seconds(1);
  const auto stream = Ask("master-0", Post(kAgent, AgentSubscribe("h")));
  EXPECT_FALSE(stream->response);
  EXPECT_THAT(observer_.committed, IsEmpty());
  EXPECT_THAT(observer_.sent, IsEmpty());
  Advance(seconds(2));
  ASSERT_THAT(stream->records, SizeIs(testing::Ge(1)));
  link::Event event;
  ASSERT_TRUE(event.ParseFromString(stream->records[0]));
  ASSERT_EQ(event.type(), link::Event::SUBSCRIBED);
  const std::string id = event.subscribed().agent_id().value();
  EXPECT_THAT(observer_.committed, ElementsAre("1 admit " + id));
  EXPECT_THAT(observer_.sent, Contains("master-0 to " + id + ": SUBSCRIBED"));
  EXPECT_EQ(registry_.Find(id), Registry::Standing::kAdmitted);
}

TEST_F(MasterNodeTest, TheNextLeaderKnowsTheAgents) {
  StartBoth();
  Ask("master-0", Post(kAgent, AgentSubscribe("h")));
  ASSERT_THAT(observer_.committed, SizeIs(1));
  masters_[0]->Crash();
  Advance(seconds(20));
  EXPECT_EQ(masters_[1]->epoch(), 2u);
  // It marks the agent unreachable, which it knows only from the registry.
  Advance(minutes(11));
  EXPECT_THAT(observer_.committed,
              ElementsAre(StartsWith("1 admit "), StartsWith("2 unreachable ")));
}

TEST_F(MasterNodeTest, ACrashResetsConnectionsAndAStartBringsANewMaster) {
  StartBoth();
  const auto stream = Ask("master-0", Post(kScheduler, FrameworkSubscribe()));
  const size_t records = stream->records.size();
  masters_[0]->Crash();
  EXPECT_FALSE(masters_[0]->running());
  EXPECT_EQ(masters_[0]->process(), nullptr);
  Advance(seconds(1));
  EXPECT_EQ(stream->end, "connection with master-0: closed by the peer");
  Advance(minutes(1));  // No one starts it.
  EXPECT_FALSE(masters_[0]->running());
  EXPECT_EQ(stream->records.size(), records);
  masters_[0]->Start();
  masters_[0]->Start();  // It runs already.
  Advance(seconds(1));
  EXPECT_EQ(Ask("master-0", Post(kScheduler, FrameworkSubscribe()))->Header("Location"),
            "//master-1:5050/api/v1/scheduler");
  EXPECT_THAT(observer_.lives,
              ElementsAre("master-0 starts", "master-0 leads 1", "master-1 starts",
                          "master-0 ends: crash", "master-1 leads 2", "master-0 starts"));
}

TEST_F(MasterNodeTest, ALeaderOutOfTheCoordinationsReachEndsAndIsStartedAgain) {
  StartBoth();
  network_.Block("master-0", Election::kCoordination);
  Advance(seconds(12));
  EXPECT_THAT(observer_.lives,
              Contains("master-0 ends: its session with the coordination service is over"));
  Advance(seconds(10));
  EXPECT_EQ(masters_[1]->epoch(), 2u);
  EXPECT_TRUE(masters_[0]->running());  // It is a candidate again once it reaches the service.
  EXPECT_EQ(masters_[0]->epoch(), 0u);
}

TEST_F(MasterNodeTest, ADeposedLeaderThatWasPausedEndsWhenItsWriteFails) {
  StartBoth();
  masters_[0]->store().max_delay = masters_[0]->store().min_delay;
  const auto agent = Connect("master-0");
  masters_[0]->process()->Pause();
  Send(*agent, Post(kAgent, AgentSubscribe("h")));
  Advance(seconds(30));
  EXPECT_EQ(masters_[1]->epoch(), 2u);
  EXPECT_EQ(masters_[0]->epoch(), 1u);  // It does not know that it was deposed.
  masters_[0]->process()->Resume();
  Advance(milliseconds(500));
  EXPECT_THAT(observer_.lives, Contains(AllOf(StartsWith("master-0 ends: "), HasSubstr("epoch 1"),
                                              HasSubstr("master-1"))));
  EXPECT_FALSE(masters_[0]->running());
  EXPECT_EQ(masters_[0]->read_model(), nullptr);
  EXPECT_THAT(observer_.committed, IsEmpty());
  EXPECT_THAT(agent->records, IsEmpty());
  Advance(seconds(3));
  EXPECT_TRUE(masters_[0]->running());
}

TEST_F(MasterNodeTest, ALeaderWhoseStoreFailsEnds) {
  StartBoth();
  masters_[0]->store().fails = true;
  const auto stream = Ask("master-0", Post(kAgent, AgentSubscribe("h")));
  Advance(seconds(1));
  EXPECT_THAT(observer_.lives, Contains("master-0 ends: The store failed"));
  EXPECT_THAT(stream->records, IsEmpty());
  // A candidate needs no store, but a leader must read the registry.
  masters_[1]->store().fails = true;
  Advance(seconds(30));
  EXPECT_THAT(observer_.lives,
              IsSupersetOf({"master-0 starts", "master-1 ends: The store failed"}));
}

TEST_F(MasterNodeTest, ANodeMayGoWhileItsMasterEnds) {
  StartBoth();
  masters_[0]->store().fails = true;
  const auto stream = Ask("master-0", Post(kAgent, AgentSubscribe("h")));
  while (masters_[0]->running()) ASSERT_TRUE(world_.clock().Step());
  masters_.erase(masters_.begin());
  Advance(minutes(1));
  EXPECT_EQ(election_.leader(), "master-1");
  EXPECT_THAT(observer_.lives, testing::Not(Contains("master-0 leads 2")));
}

TEST_F(MasterNodeTest, EachLifeHasItsOwnId) {
  StartBoth();
  const auto id = [this] {
    const auto stream = Ask("master-0", Post(kScheduler, FrameworkSubscribe()));
    Event event;
    EXPECT_TRUE(event.ParseFromString(stream->records.at(0)));
    return event.subscribed().master_info().id();
  };
  const std::string first = id();
  masters_[1]->Crash();
  masters_[0]->Crash();
  masters_[0]->Start();
  Advance(seconds(30));
  ASSERT_NE(masters_[0]->epoch(), 0u);
  EXPECT_THAT(first, SizeIs(36));
  EXPECT_NE(id(), first);
}

}  // namespace
}  // namespace tepui::sim
