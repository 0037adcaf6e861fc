// SPDX-License-Identifier: Apache-2.0
#include "api/operator/operator_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "api/operator/agent_calls.h"
#include "api/operator/master_calls.h"
#include "api/operator/operator_testing.h"
#include "base/version.h"

namespace tepui::api {
namespace {

using mesos::v1::master::Call;
using ::testing::HasSubstr;

constexpr const char* kTeardown =
    R"({"type":"TEARDOWN","teardown":{"framework_id":{"value":"f"}}})";

// Reads a call to a master.
std::expected<Call, net::Response> Read(const net::Request& request) {
  Call call;
  auto accept = ReadCall(request, &call);
  if (!accept) return std::unexpected(accept.error());
  return call;
}

TEST(OperatorRequests, AreReadByTheirContentType) {
  const auto teardown = Read(JsonRequest(kTeardown));
  ASSERT_TRUE(teardown.has_value()) << teardown.error().body;
  EXPECT_EQ(teardown->type(), Call::TEARDOWN);
  EXPECT_EQ(teardown->teardown().framework_id().value(), "f");

  Call call;
  call.set_type(Call::MARK_AGENT_GONE);
  call.mutable_mark_agent_gone()->mutable_agent_id()->set_value("a");
  const auto gone = Read(RequestOf(call.SerializeAsString(), wire::kApplicationProtobuf));
  ASSERT_TRUE(gone.has_value()) << gone.error().body;
  EXPECT_EQ(gone->mark_agent_gone().agent_id().value(), "a");

  EXPECT_EQ(Refusal(Read(RequestOf(kTeardown, "text/plain"))).status, 415u);
  net::Request untyped;
  untyped.body = kTeardown;
  EXPECT_EQ(Refusal(Read(untyped)).status, 400u);
}

TEST(OperatorRequests, MustParse) {
  for (const char* body : {"", "no JSON", "[]", R"({"type":"TEARDOWN","teardown":{}})",
                           R"({"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{}}})"}) {
    EXPECT_EQ(Refusal(Read(JsonRequest(body))).status, 400u) << body;
  }
  EXPECT_EQ(Refusal(Read(RequestOf("\xff", wire::kApplicationProtobuf))).status, 400u);
}

TEST(OperatorRequests, MustHaveAType) {
  EXPECT_EQ(Refusal(Read(JsonRequest("{}"))).status, 400u);
  EXPECT_EQ(Refusal(Read(JsonRequest(R"({"type":"MAKE_COFFEE"})"))).status, 400u);
  // Type 1000, from a future version.
  EXPECT_EQ(Refusal(Read(RequestOf("\x08\xe8\x07", wire::kApplicationProtobuf))).status, 400u);
}

TEST(OperatorRequests, HaveTheFieldOfTheirType) {
  const net::Response teardown = Refusal(Read(JsonRequest(R"({"type":"TEARDOWN"})")));
  EXPECT_EQ(teardown.status, 400u);
  EXPECT_THAT(teardown.body, HasSubstr("'teardown'"));
  const net::Response gone = Refusal(
      Read(JsonRequest(R"({"type":"MARK_AGENT_GONE","teardown":{"framework_id":{"value":"f"}}})")));
  EXPECT_EQ(gone.status, 400u);
  EXPECT_THAT(gone.body, HasSubstr("'mark_agent_gone'"));
  EXPECT_EQ(Refusal(Read(JsonRequest(R"({"type":"LIST_FILES"})"))).status, 400u);
}

TEST(OperatorRequests, AcceptAnAnswer) {
  net::Request picky = JsonRequest(kTeardown);
  picky.headers.Add("Accept", "text/html");
  EXPECT_EQ(Refusal(Read(picky)).status, 406u);
  picky.headers.Set("Accept", "*/*");
  EXPECT_TRUE(Read(picky).has_value());
}

// OP-1: a call is valid, and its answer acceptable, before anybody asks whether it is served.
TEST(OperatorRequests, OfTypesThatAreNotServed) {
  for (const char* body : {R"({"type":"UNKNOWN"})", R"({"type":"GET_STATE"})",
                           R"({"type":"LIST_FILES","list_files":{"path":"/"}})"}) {
    EXPECT_TRUE(Read(JsonRequest(body)).has_value()) << body;
    EXPECT_EQ(Refusal(AdmitRequest<MasterApi>(JsonRequest(body), {})).status, 501u) << body;
  }
  net::Request picky = JsonRequest(R"({"type":"GET_STATE"})");
  picky.headers.Add("Accept", "text/html");
  EXPECT_EQ(Refusal(AdmitRequest<MasterApi>(picky, {})).status, 406u);
  EXPECT_EQ(Refusal(AdmitRequest<MasterApi>(JsonRequest(R"({"type":"GET_STATE"})"), {})).body,
            "Calls of type GET_STATE are not served by this master");
  EXPECT_EQ(Refusal(AdmitRequest<AgentApi>(JsonRequest(R"({"type":"GET_STATE"})"), {})).body,
            "Calls of type GET_STATE are not served by this agent");
}

// Calls with entries of a test: a read and a change that work with an int.
struct TestApi {
  using Call = mesos::v1::master::Call;
  using Response = mesos::v1::master::Response;
  using View = int;
  using Core = int;
  static constexpr std::string_view kServer = "test";
  static const OperatorEntry<TestApi>* Find(Call::Type type);
};
using TestEntry = OperatorEntry<TestApi>;

Result<TestApi::Response> GetRoles(const OperatorCall<TestApi>&, const int& view) {
  if (view == 0) return Fail(Code::kUnavailable, "nothing to see");
  TestApi::Response response;
  response.set_type(TestApi::Response::GET_ROLES);
  auto* role = response.mutable_get_roles()->add_roles();
  role->set_name("role");
  role->set_weight(1);
  return response;
}

// Takes the file's path as what to do.
void ReadFile(const OperatorCall<TestApi>& call, int& core, TestEntry::Reply reply) {
  ++core;
  const std::string& path = call.call.read_file().path();
  if (path == "fail") return reply(Fail(Code::kConflict, "no"));
  if (path == "empty") return reply(std::nullopt);
  TestApi::Response response;
  response.set_type(TestApi::Response::READ_FILE);
  response.mutable_read_file()->set_size(7);
  response.mutable_read_file()->set_data(call.caller.principal.value_or(""));
  reply(std::move(response));
}

Status OnlyAnn(const security::Caller& caller, const TestApi::Call& call) {
  if (caller.principal == "ann") return {};
  return Fail(Code::kForbidden, "{} is not for you", TestApi::Call::Type_Name(call.type()));
}

const TestEntry* TestApi::Find(Call::Type type) {
  static constexpr std::array<TestEntry, 2> kCalls = {{
      {Call::GET_ROLES, EverybodyMay<TestApi>, GetRoles},
      {Call::READ_FILE, OnlyAnn, ReadFile},
  }};
  const auto found = std::ranges::find(kCalls, type, &TestEntry::type);
  return found == kCalls.end() ? nullptr : &*found;
}

net::Response ReadFileAs(const security::Caller& caller, const std::string& path) {
  int core = 0;
  const auto call = AdmitRequest<TestApi>(
      JsonRequest(
          fmt::format(R"({{"type":"READ_FILE","read_file":{{"path":"{}","offset":0}}}})", path)),
      caller);
  if (!call) return call.error();
  EXPECT_FALSE(call->reads());
  net::Response answer;
  call->Change(core, [&](net::Response response) { answer = std::move(response); });
  EXPECT_EQ(core, 1);
  return answer;
}

TEST(OperatorCalls, AReadAnswersInTheEncodingThatTheClientAccepts) {
  net::Request request = JsonRequest(R"({"type":"GET_ROLES"})");
  const auto json = AdmitRequest<TestApi>(request, {});
  ASSERT_TRUE(json && json->reads());
  const net::Response text = json->Read(1);
  EXPECT_EQ(text.status, 200u);
  EXPECT_EQ(*text.headers.Find("Content-Type"), wire::kApplicationJson);
  EXPECT_THAT(text.body, HasSubstr(R"({"type":"GET_ROLES","get_roles":{"roles":[{"name":"role")"));

  request.headers.Set("Accept", std::string(wire::kApplicationProtobuf));
  const net::Response bytes = AdmitRequest<TestApi>(request, {})->Read(1);
  EXPECT_EQ(*bytes.headers.Find("Content-Type"), wire::kApplicationProtobuf);
  TestApi::Response response;
  ASSERT_TRUE(response.ParseFromString(bytes.body));
  EXPECT_EQ(response.get_roles().roles(0).name(), "role");
  EXPECT_EQ(json->Read(0).status, 503u);
  EXPECT_EQ(json->Read(0).body, "nothing to see");
}

TEST(OperatorCalls, AChangeAnswersWithAResponseOrWithoutABody) {
  const security::Caller ann{.principal = "ann"};
  const net::Response full = ReadFileAs(ann, "full");
  EXPECT_EQ(full.status, 200u);
  EXPECT_THAT(full.body, HasSubstr(R"("read_file":{"size":7,"data":"YW5u"})"));
  const net::Response empty = ReadFileAs(ann, "empty");
  EXPECT_EQ(empty.status, 200u);
  EXPECT_EQ(empty.body, "");
  EXPECT_EQ(ReadFileAs(ann, "fail").status, 409u);
}

TEST(OperatorCalls, TheirEntryAuthorizesTheCaller) {
  const net::Response refused = ReadFileAs({.principal = "bob"}, "full");
  EXPECT_EQ(refused.status, 403u);
  EXPECT_EQ(refused.body, "READ_FILE is not for you");
}

template <class Api>
typename Api::Response Ask(const char* type, const typename Api::View& view) {
  net::Request request = JsonRequest(fmt::format(R"({{"type":"{}"}})", type));
  request.headers.Add("Accept", std::string(wire::kApplicationProtobuf));
  const auto call = AdmitRequest<Api>(request, {});
  typename Api::Response response;
  EXPECT_TRUE(call && call->reads() && response.ParseFromString(call->Read(view).body)) << type;
  return response;
}

TEST(AboutCalls, AreTheSameForMasterAndAgent) {
  const MasterIdentity identity;
  const master::ReadModel model;
  const MasterView master{identity, model};
  const agent::AgentState agent;
  EXPECT_EQ(Ask<MasterApi>("GET_HEALTH", master).type(), MasterApi::Response::GET_HEALTH);
  EXPECT_TRUE(Ask<MasterApi>("GET_HEALTH", master).get_health().healthy());
  EXPECT_TRUE(Ask<AgentApi>("GET_HEALTH", agent).get_health().healthy());
  const MasterApi::Response version = Ask<MasterApi>("GET_VERSION", master);
  EXPECT_EQ(version.type(), MasterApi::Response::GET_VERSION);
  EXPECT_EQ(version.get_version().version_info().version(), kMesosVersion);
  EXPECT_EQ(Ask<AgentApi>("GET_VERSION", agent).get_version().version_info().build_user(), "tepui");
}

}  // namespace
}  // namespace tepui::api
