// SPDX-License-Identifier: Apache-2.0
#include "api/master_api.h"

#include <gtest/gtest.h>

namespace tepui::api {
namespace {

using mesos::v1::scheduler::Call;

mesos::v1::MasterInfo MasterAt(const std::string& host) {
  mesos::v1::MasterInfo info;
  info.set_id(host);
  info.set_ip(0);
  info.set_hostname(host);
  info.set_port(5050);
  return info;
}

net::Request RequestOf(const google::protobuf::Message& call, const std::string& stream_uuid = "") {
  net::Request request;
  request.method = "POST";
  request.headers.Add("Content-Type", std::string(wire::kApplicationProtobuf));
  request.body = call.SerializeAsString();
  if (!stream_uuid.empty()) request.headers.Add("Mesos-Stream-Id", stream_uuid);
  return request;
}

Call SchedulerCall(Call::Type type) {
  Call call;
  call.set_type(type);
  return call;
}

link::Calls AgentCalls(std::initializer_list<link::Call::Type> types) {
  link::Calls calls;
  for (const link::Call::Type type : types) {
    link::Call& call = *calls.add_calls();
    call.set_type(type);
    if (type != link::Call::SUBSCRIBE) continue;
    call.mutable_subscribe()->mutable_info()->set_hostname("a");
    call.mutable_subscribe()->set_version("1.11.0");
  }
  return calls;
}

// Returns the refusal; the test fails if there is none.
template <class T>
net::Response Refusal(const std::expected<T, net::Response>& read) {
  EXPECT_FALSE(read.has_value());
  return read ? net::Response{} : read.error();
}

TEST(SendOn, GoesToTheLeaderWithTheSameTarget) {
  const mesos::v1::MasterInfo self = MasterAt("m1");
  const net::Response response =
      SendOn({.self = self, .elected = false, .leader = MasterAt("m2")}, "/state?x=1");
  EXPECT_EQ(response.status, 307u);
  ASSERT_NE(response.headers.Find("Location"), nullptr);
  EXPECT_EQ(*response.headers.Find("Location"), "//m2:5050/state?x=1");
  const net::Response six =
      SendOn({.self = self, .elected = false, .leader = MasterAt("fe80::1")}, "/");
  EXPECT_EQ(*six.headers.Find("Location"), "//[fe80::1]:5050/");
}

TEST(SendOn, FailsWithoutALeader) {
  const mesos::v1::MasterInfo self = MasterAt("m1");
  const net::Response none = SendOn({.self = self, .elected = false, .leader = std::nullopt}, "/");
  EXPECT_EQ(none.status, 503u);
  EXPECT_EQ(none.body, "No leader elected");
  EXPECT_EQ(SendOn({.self = self, .elected = true, .leader = MasterAt("m2")}, "/").body,
            "Leading master has not finished recovery");
}

// After a restart of the leader, the election still names it as the leader until its old session
// ends.
TEST(SendOn, DoesNotSendToItself) {
  const mesos::v1::MasterInfo self = MasterAt("m1");
  mesos::v1::MasterInfo earlier = self;
  earlier.set_id("earlier");
  EXPECT_EQ(SendOn({.self = self, .elected = false, .leader = earlier}, "/").status, 503u);
}

TEST(SchedulerRequests, SubscribeOnANewStream) {
  const auto read = ReadSchedulerRequest(RequestOf(SchedulerCall(Call::SUBSCRIBE)));
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->events.has_value());
  EXPECT_EQ(Refusal(ReadSchedulerRequest(RequestOf(SchedulerCall(Call::SUBSCRIBE), "u"))).status,
            400u);
  net::Request picky = RequestOf(SchedulerCall(Call::SUBSCRIBE));
  picky.headers.Add("Accept", "text/html");
  EXPECT_EQ(Refusal(ReadSchedulerRequest(picky)).status, 406u);
}

TEST(SchedulerRequests, OtherCallsNameTheirStream) {
  const auto read = ReadSchedulerRequest(RequestOf(SchedulerCall(Call::REVIVE), "u"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->stream_uuid, "u");
  EXPECT_FALSE(read->events.has_value());
  EXPECT_EQ(read->success, 202u);
  // Only the master can refuse a missing id, because only it knows the framework.
  EXPECT_TRUE(ReadSchedulerRequest(RequestOf(SchedulerCall(Call::REVIVE))).has_value());
  EXPECT_EQ(ReadSchedulerRequest(RequestOf(SchedulerCall(Call::UPDATE_FRAMEWORK), "u"))->success,
            200u);
}

TEST(SchedulerRequests, MustParse) {
  net::Request request = RequestOf(SchedulerCall(Call::REVIVE));
  request.body = "\xff";
  EXPECT_EQ(Refusal(ReadSchedulerRequest(request)).status, 400u);
  request.headers.Set("Content-Type", "text/plain");
  EXPECT_EQ(Refusal(ReadSchedulerRequest(request)).status, 415u);
}

TEST(AgentRequests, SubscribeAlone) {
  const auto read = ReadAgentRequest(RequestOf(AgentCalls({link::Call::SUBSCRIBE})));
  ASSERT_TRUE(read.has_value()) << read.error().body;
  EXPECT_TRUE(read->events.has_value());
  EXPECT_EQ(Refusal(ReadAgentRequest(
                        RequestOf(AgentCalls({link::Call::PONG, link::Call::SUBSCRIBE}), "u")))
                .status,
            400u);
  link::Calls nobody = AgentCalls({link::Call::SUBSCRIBE});
  nobody.mutable_calls(0)->clear_subscribe();
  EXPECT_EQ(Refusal(ReadAgentRequest(RequestOf(nobody))).status, 400u);
  link::Calls invalid = AgentCalls({link::Call::SUBSCRIBE});
  invalid.mutable_calls(0)->mutable_subscribe()->mutable_info()->mutable_id()->set_value("a/b");
  EXPECT_EQ(Refusal(ReadAgentRequest(RequestOf(invalid))).status, 400u);
}

TEST(AgentRequests, OtherCallsNameTheirStream) {
  const link::Calls calls = AgentCalls({link::Call::PONG, link::Call::PONG});
  const auto read = ReadAgentRequest(RequestOf(calls, "u"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->stream_uuid, "u");
  EXPECT_EQ(read->calls.calls_size(), 2);
  EXPECT_FALSE(read->events.has_value());
  EXPECT_EQ(Refusal(ReadAgentRequest(RequestOf(calls))).status, 400u);
}

}  // namespace
}  // namespace tepui::api
