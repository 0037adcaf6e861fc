// SPDX-License-Identifier: Apache-2.0
#include "api/executor_api.h"

#include <gtest/gtest.h>

#include "security/executor_token.h"

namespace tepui::api {
namespace {

net::Request Json(std::string body) {
  net::Request request;
  request.method = "POST";
  request.headers.Add("Content-Type", "application/json");
  request.body = std::move(body);
  return request;
}

constexpr std::string_view kSubscribe = R"({"type":"SUBSCRIBE","framework_id":{"value":"f"},
    "executor_id":{"value":"e"},"subscribe":{}})";

TEST(ExecutorApi, ASubscriptionChoosesTheEncodingOfItsEvents) {
  net::Request request = Json(std::string(kSubscribe));
  request.headers.Add("Accept", "application/x-protobuf");
  const auto read = ReadExecutorRequest(request);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->call.executor_id().value(), "e");
  EXPECT_EQ(read->events, wire::ContentType::kProtobuf);
}

TEST(ExecutorApi, ASubscriptionThatAcceptsNoKnownEncodingIsRefused) {
  net::Request request = Json(std::string(kSubscribe));
  request.headers.Add("Accept", "text/html");
  const auto read = ReadExecutorRequest(request);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().status, 406u);
}

TEST(ExecutorApi, OtherCallsOpenNoStream) {
  net::Request request = Json(R"({"type":"HEARTBEAT","framework_id":{"value":"f"},
      "executor_id":{"value":"e"}})");
  request.headers.Add("Accept", "text/html");
  const auto read = ReadExecutorRequest(request);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->events, std::nullopt);
}

net::Request Authorized(const std::string& authorization) {
  net::Request request;
  request.headers.Add("Authorization", authorization);
  return request;
}

TEST(ExecutorApi, ATokenIdentifiesTheCaller) {
  const security::Claims claims{{"fid", "f"}};
  const std::string token = security::SignToken(claims, "secret");
  EXPECT_EQ(IdentifyExecutor(Authorized("Bearer " + token), "secret")->claims, claims);
  EXPECT_EQ(IdentifyExecutor(Authorized("Basic Zm9vOmJhcg=="), "secret"), security::Caller());
  EXPECT_EQ(IdentifyExecutor({}, "secret"), security::Caller());
}

TEST(ExecutorApi, AForgedTokenIsRefused) {
  const auto caller = IdentifyExecutor(
      Authorized("Bearer " + security::SignToken({{"fid", "f"}}, "other")), "secret");
  ASSERT_FALSE(caller);
  EXPECT_EQ(caller.error().status, 403u);
  EXPECT_EQ(caller.error().body, "The authentication token was not signed by this agent");
}

TEST(ExecutorApi, WithoutASecretEveryCallerIsAnonymous) {
  EXPECT_EQ(IdentifyExecutor(Authorized("Bearer a.b.c"), ""), security::Caller());
}

TEST(ExecutorApi, ABodyThatIsNotACallIsRefused) {
  const auto read = ReadExecutorRequest(Json("{"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().status, 400u);
}

}  // namespace
}  // namespace tepui::api
