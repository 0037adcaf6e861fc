// SPDX-License-Identifier: Apache-2.0
#include "api/operator_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "wire/content_type.h"

namespace tepui::api {
namespace {

using mesos::v1::master::Call;
using ::testing::HasSubstr;

net::Request RequestOf(std::string body, std::string_view content_type) {
  net::Request request;
  request.method = "POST";
  request.headers.Add("Content-Type", std::string(content_type));
  request.body = std::move(body);
  return request;
}

net::Request JsonRequest(std::string body) {
  return RequestOf(std::move(body), wire::kApplicationJson);
}

constexpr const char* kTeardown =
    R"({"type":"TEARDOWN","teardown":{"framework_id":{"value":"f"}}})";

// Returns the refusal; the test fails if there is none.
net::Response Refusal(const OperatorRequest& read) {
  EXPECT_FALSE(read.has_value());
  return read ? net::Response{} : read.error();
}

TEST(OperatorRequests, AreReadByTheirContentType) {
  const auto teardown = ReadOperatorRequest(JsonRequest(kTeardown));
  ASSERT_TRUE(teardown.has_value()) << teardown.error().body;
  EXPECT_EQ(teardown->type(), Call::TEARDOWN);
  EXPECT_EQ(teardown->teardown().framework_id().value(), "f");

  Call call;
  call.set_type(Call::MARK_AGENT_GONE);
  call.mutable_mark_agent_gone()->mutable_agent_id()->set_value("a");
  const auto gone =
      ReadOperatorRequest(RequestOf(call.SerializeAsString(), wire::kApplicationProtobuf));
  ASSERT_TRUE(gone.has_value()) << gone.error().body;
  EXPECT_EQ(gone->mark_agent_gone().agent_id().value(), "a");

  EXPECT_EQ(Refusal(ReadOperatorRequest(RequestOf(kTeardown, "text/plain"))).status, 415u);
  net::Request untyped;
  untyped.body = kTeardown;
  EXPECT_EQ(Refusal(ReadOperatorRequest(untyped)).status, 400u);
}

TEST(OperatorRequests, MustParse) {
  for (const char* body : {"", "no JSON", "[]", R"({"type":"TEARDOWN","teardown":{}})",
                           R"({"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{}}})"}) {
    EXPECT_EQ(Refusal(ReadOperatorRequest(JsonRequest(body))).status, 400u) << body;
  }
  EXPECT_EQ(Refusal(ReadOperatorRequest(RequestOf("\xff", wire::kApplicationProtobuf))).status,
            400u);
}

TEST(OperatorRequests, SayWhatTheyAre) {
  EXPECT_EQ(Refusal(ReadOperatorRequest(JsonRequest("{}"))).status, 400u);
  EXPECT_EQ(Refusal(ReadOperatorRequest(JsonRequest(R"({"type":"MAKE_COFFEE"})"))).status, 400u);
  // Type 1000, from a future version.
  EXPECT_EQ(
      Refusal(ReadOperatorRequest(RequestOf("\x08\xe8\x07", wire::kApplicationProtobuf))).status,
      400u);
}

TEST(OperatorRequests, HaveTheFieldOfTheirType) {
  const net::Response teardown =
      Refusal(ReadOperatorRequest(JsonRequest(R"({"type":"TEARDOWN"})")));
  EXPECT_EQ(teardown.status, 400u);
  EXPECT_THAT(teardown.body, HasSubstr("'teardown'"));
  const net::Response gone = Refusal(ReadOperatorRequest(
      JsonRequest(R"({"type":"MARK_AGENT_GONE","teardown":{"framework_id":{"value":"f"}}})")));
  EXPECT_EQ(gone.status, 400u);
  EXPECT_THAT(gone.body, HasSubstr("'mark_agent_gone'"));
  EXPECT_EQ(Refusal(ReadOperatorRequest(JsonRequest(R"({"type":"LIST_FILES"})"))).status, 400u);
}

// Valid calls pass even if they are not served: refusing those is left to the server.
TEST(OperatorRequests, OfEveryTypeAreValid) {
  EXPECT_TRUE(ReadOperatorRequest(JsonRequest(R"({"type":"UNKNOWN"})")).has_value());
  EXPECT_TRUE(ReadOperatorRequest(JsonRequest(R"({"type":"GET_HEALTH"})")).has_value());
  EXPECT_TRUE(ReadOperatorRequest(JsonRequest(R"({"type":"LIST_FILES","list_files":{"path":"/"}})"))
                  .has_value());
  const net::Response not_served = NotServed(Call::LIST_FILES);
  EXPECT_EQ(not_served.status, 501u);
  EXPECT_THAT(not_served.body, HasSubstr("LIST_FILES"));
}

TEST(OperatorRequests, AcceptAnAnswer) {
  net::Request picky = JsonRequest(kTeardown);
  picky.headers.Add("Accept", "text/html");
  EXPECT_EQ(Refusal(ReadOperatorRequest(picky)).status, 406u);
  picky.headers.Set("Accept", "*/*");
  EXPECT_TRUE(ReadOperatorRequest(picky).has_value());
}

TEST(TeardownForms, NameTheFramework) {
  const auto read =
      ReadTeardownForm(RequestOf("x=y&frameworkId=a%2Fb#1", "application/x-www-form-urlencoded"));
  ASSERT_TRUE(read.has_value()) << read.error().body;
  EXPECT_EQ(read->type(), Call::TEARDOWN);
  EXPECT_EQ(read->teardown().framework_id().value(), "a/b#1");
  for (const char* body : {"", "framework_id=f", "frameworkId=%zz"}) {
    EXPECT_EQ(Refusal(ReadTeardownForm(RequestOf(body, ""))).status, 400u) << body;
  }
}

TEST(TeardownReplies, AnUnknownFrameworkIsAnInvalidRequest) {
  const auto told = [](const Status& status) {
    Status reply;
    ReplyToTeardown([&reply](Status said) { reply = std::move(said); })(status);
    return reply;
  };
  EXPECT_EQ(told(Fail(Code::kNotFound, "no f")).error(), (Error{Code::kInvalid, "no f"}));
  EXPECT_EQ(told(Fail(Code::kUnavailable, "deposed")).error().code, Code::kUnavailable);
  EXPECT_TRUE(told({}).has_value());
}

}  // namespace
}  // namespace tepui::api
