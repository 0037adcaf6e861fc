// SPDX-License-Identifier: Apache-2.0
#include "api/executor_api.h"

#include <gtest/gtest.h>

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

TEST(ExecutorApi, ASubscriptionSaysHowItsEventsAreEncoded) {
  net::Request request = Json(std::string(kSubscribe));
  request.headers.Add("Accept", "application/x-protobuf");
  const auto read = ReadExecutorRequest(request);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->call.executor_id().value(), "e");
  EXPECT_EQ(read->events, wire::ContentType::kProtobuf);
  EXPECT_EQ(read->token, std::nullopt);
}

TEST(ExecutorApi, ASubscriptionThatAcceptsNothingThatIsSpokenIsRefused) {
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

TEST(ExecutorApi, OnlyABearerTokenIsAToken) {
  net::Request request = Json(std::string(kSubscribe));
  request.headers.Add("Authorization", "Basic Zm9vOmJhcg==");
  auto read = ReadExecutorRequest(request);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->token, std::nullopt);

  request = Json(std::string(kSubscribe));
  request.headers.Add("Authorization", "Bearer a.b.c");
  read = ReadExecutorRequest(request);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->token, "a.b.c");
}

TEST(ExecutorApi, ABodyThatIsNoCallIsRefused) {
  const auto read = ReadExecutorRequest(Json("{"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().status, 400u);
}

}  // namespace
}  // namespace tepui::api
