// SPDX-License-Identifier: Apache-2.0
#include "client/executor_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/virtual_clock.h"
#include "client/fake_link.h"

namespace tepui::client {
namespace {

using mesos::v1::executor::Call;
using mesos::v1::executor::Event;
using State = ExecutorCore::State;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using namespace std::chrono_literals;

std::map<std::string, std::string> Environment() {
  return {{"MESOS_SLAVE_PID", "slave(1)@10.0.0.1:5051"},
          {"MESOS_FRAMEWORK_ID", "f"},
          {"MESOS_EXECUTOR_ID", "e"},
          {"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"}};
}

std::map<std::string, std::string> CheckpointingEnvironment() {
  auto environment = Environment();
  environment["MESOS_CHECKPOINT"] = "1";
  environment["MESOS_RECOVERY_TIMEOUT"] = "15mins";
  environment["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = "2secs";
  return environment;
}

// Reference 7.5: what the agent sets.
TEST(ExecutorEnvironmentTest, ReadsWhatTheAgentSets) {
  auto environment = CheckpointingEnvironment();
  environment["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"] = "token";
  const auto parsed = ExecutorEnvironment::Parse(environment);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(ToString(parsed->agent), "10.0.0.1:5051");
  EXPECT_EQ(parsed->framework_id, "f");
  EXPECT_EQ(parsed->executor_id, "e");
  EXPECT_EQ(parsed->token, "token");
  EXPECT_TRUE(parsed->checkpoint);
  EXPECT_FALSE(parsed->local);
  EXPECT_EQ(parsed->recovery_timeout, 15min);
  EXPECT_EQ(parsed->subscription_backoff_max, 2s);
  EXPECT_EQ(parsed->shutdown_grace_period, 5s);
}

TEST(ExecutorEnvironmentTest, WaysToTheAgent) {
  auto environment = Environment();
  environment["MESOS_AGENT_ENDPOINT"] = "10.0.0.2:1";
  EXPECT_EQ(ToString(ExecutorEnvironment::Parse(environment)->agent), "10.0.0.2:1");
  environment["MESOS_DOMAIN_SOCKET"] = "/run/agent.sock";
  EXPECT_EQ(ToString(ExecutorEnvironment::Parse(environment)->agent), "/run/agent.sock");
}

TEST(ExecutorEnvironmentTest, AllProblemsAtOnce) {
  const auto parsed = ExecutorEnvironment::Parse({{"MESOS_SLAVE_PID", "slave(1)@nowhere"},
                                                  {"MESOS_CHECKPOINT", "1"},
                                                  {"MESOS_RECOVERY_TIMEOUT", "soon"},
                                                  {"MESOS_SUBSCRIPTION_BACKOFF_MAX", "-1secs"}});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(
      parsed.error().message,
      AllOf(HasSubstr("MESOS_SLAVE_PID: 'nowhere' has no port"),
            HasSubstr("MESOS_FRAMEWORK_ID is not set"), HasSubstr("MESOS_EXECUTOR_ID is not set"),
            HasSubstr("MESOS_RECOVERY_TIMEOUT: 'soon'"),
            HasSubstr("MESOS_SUBSCRIPTION_BACKOFF_MAX: '-1secs' is negative"),
            HasSubstr("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD is not set")));
}

class ExecutorCoreTest : public ::testing::Test {
 protected:
  void Start(const std::map<std::string, std::string>& environment) {
    core_ = std::make_unique<ExecutorCore>(
        ExecutorCore::Options{.environment = *ExecutorEnvironment::Parse(environment)}, clock_,
        random_, link_,
        ExecutorCore::Callbacks{
            .connected = [this] { log_.push_back("connected"); },
            .disconnected = [this] { log_.push_back("disconnected"); },
            .received = [this](Event event) { log_.push_back(Event::Type_Name(event.type())); },
            .kill = [this] { log_.push_back("kill"); }});
    core_->Start();
  }

  static Call MakeCall(Call::Type type) {
    Call call;
    call.set_type(type);
    call.mutable_framework_id()->set_value("f");
    call.mutable_executor_id()->set_value("e");
    if (type == Call::SUBSCRIBE) call.mutable_subscribe();
    if (type == Call::MESSAGE) call.mutable_message()->set_data("data");
    return call;
  }

  static net::Response Answer(unsigned status) {
    net::Response response;
    response.status = status;
    return response;
  }

  static std::string Encoded(Event::Type type) {
    Event event;
    event.set_type(type);
    return event.SerializeAsString();
  }

  void Subscribe() {
    ASSERT_EQ(core_->state(), State::kConnecting);
    link_.FinishConnect();
    ASSERT_TRUE(core_->Send(MakeCall(Call::SUBSCRIBE)));
    link_.AnswerSubscribe(Answer(200));
    ASSERT_EQ(core_->state(), State::kSubscribed);
    log_.clear();
  }

  VirtualClock clock_;
  SeededRandom random_{1};
  FakeLink link_;
  std::vector<std::string> log_;
  std::unique_ptr<ExecutorCore> core_;
};

TEST_F(ExecutorCoreTest, ConnectsAtOnceAndSubscribes) {
  Start(Environment());
  EXPECT_EQ(ToString(link_.endpoints.at(0)), "10.0.0.1:5051");
  link_.FinishConnect();
  EXPECT_THAT(log_, ElementsAre("connected"));
  EXPECT_FALSE(core_->Send(MakeCall(Call::MESSAGE)));
  // A recovering agent answers 503 (reference 1.3): the executor may try again.
  ASSERT_TRUE(core_->Send(MakeCall(Call::SUBSCRIBE)));
  EXPECT_FALSE(core_->Send(MakeCall(Call::SUBSCRIBE)));
  link_.AnswerSubscribe(Answer(503));
  ASSERT_TRUE(core_->Send(MakeCall(Call::SUBSCRIBE)));
  link_.AnswerSubscribe(Answer(200));
  ASSERT_TRUE(core_->Send(MakeCall(Call::MESSAGE)));
  link_.AnswerPost(Answer(202));
  link_.SendRecord(Encoded(Event::MESSAGE));
  EXPECT_THAT(log_, ElementsAre("connected", "MESSAGE"));
}

TEST_F(ExecutorCoreTest, ARefusalIsAnErrorEvent) {
  Start(Environment());
  Subscribe();
  ASSERT_TRUE(core_->Send(MakeCall(Call::MESSAGE)));
  link_.AnswerPost(Answer(403));
  link_.SendRecord("\xff");
  EXPECT_THAT(log_, ElementsAre("ERROR", "ERROR"));
}

// Reference 1.3: executors that do not checkpoint exit when the agent is lost.
TEST_F(ExecutorCoreTest, WithoutCheckpointsALostAgentIsTheEnd) {
  Start(Environment());
  Subscribe();
  link_.EndStream("gone");
  EXPECT_THAT(log_, ElementsAre("disconnected", "SHUTDOWN"));
  clock_.Advance(4s);
  EXPECT_THAT(log_, Not(Contains("kill")));
  clock_.Advance(1s);
  EXPECT_THAT(log_, ElementsAre("disconnected", "SHUTDOWN", "kill"));
  EXPECT_THAT(link_.endpoints, SizeIs(1));
}

// Reference 1.3: a checkpointing executor retries with backoff and ends after
// MESOS_RECOVERY_TIMEOUT.
TEST_F(ExecutorCoreTest, WithCheckpointsTheAgentMayComeBack) {
  Start(CheckpointingEnvironment());
  Subscribe();
  link_.EndStream("gone");
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(2s);
    ASSERT_EQ(core_->state(), State::kConnecting);
    link_.FinishConnect(Fail(Code::kUnavailable, "refused"));
  }
  clock_.Advance(2s);
  Subscribe();
  clock_.Advance(1h);
  EXPECT_EQ(core_->state(), State::kSubscribed);
  EXPECT_THAT(log_, Not(Contains("SHUTDOWN")));
}

TEST_F(ExecutorCoreTest, TheRecoveryTimeoutRunsFromTheFirstLoss) {
  Start(CheckpointingEnvironment());
  Subscribe();
  link_.EndStream("gone");
  const MonotonicTime lost = clock_.Now();
  while (clock_.Now() - lost < 15min - 3s) {
    clock_.Advance(2s);
    ASSERT_EQ(core_->state(), State::kConnecting);
    link_.FinishConnect(Fail(Code::kUnavailable, "refused"));
  }
  EXPECT_THAT(log_, ElementsAre("disconnected"));
  clock_.Advance(3s);
  EXPECT_THAT(log_, ElementsAre("disconnected", "SHUTDOWN"));
  EXPECT_EQ(core_->state(), State::kDisconnected);
  const size_t attempts = link_.endpoints.size();
  clock_.Advance(1min);
  EXPECT_EQ(link_.endpoints.size(), attempts);
  EXPECT_THAT(log_, ElementsAre("disconnected", "SHUTDOWN", "kill"));
}

TEST_F(ExecutorCoreTest, AnAgentThatWasNeverReachedIsTheEnd) {
  Start(CheckpointingEnvironment());
  link_.FinishConnect(Fail(Code::kUnavailable, "refused"));
  EXPECT_THAT(log_, ElementsAre("SHUTDOWN"));
}

TEST_F(ExecutorCoreTest, ShutdownGivesTheGracePeriod) {
  Start(CheckpointingEnvironment());
  Subscribe();
  link_.SendRecord(Encoded(Event::SHUTDOWN));
  // The executor's last updates still go out.
  EXPECT_TRUE(core_->Send(MakeCall(Call::MESSAGE)));
  link_.EndStream("agent closed");
  clock_.Advance(5s);
  EXPECT_THAT(log_, ElementsAre("SHUTDOWN", "disconnected", "kill"));
}

TEST_F(ExecutorCoreTest, InLocalModeNothingIsKilled) {
  auto environment = Environment();
  environment["MESOS_LOCAL"] = "1";
  Start(environment);
  Subscribe();
  link_.SendRecord(Encoded(Event::SHUTDOWN));
  clock_.Advance(1h);
  EXPECT_THAT(log_, ElementsAre("SHUTDOWN"));
}

TEST_F(ExecutorCoreTest, SendsHeartbeats) {
  Start(CheckpointingEnvironment());
  Subscribe();
  clock_.Advance(30min);
  ASSERT_THAT(link_.posted, SizeIs(1));
  Call call;
  ASSERT_TRUE(call.ParseFromString(link_.posted[0].body));
  EXPECT_EQ(call.type(), Call::HEARTBEAT);
  EXPECT_EQ(call.executor_id().value(), "e");
}

}  // namespace
}  // namespace tepui::client
