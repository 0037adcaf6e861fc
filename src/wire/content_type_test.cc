// SPDX-License-Identifier: Apache-2.0
#include "wire/content_type.h"

#include <gtest/gtest.h>

namespace tepui::wire {
namespace {

using mesos::v1::scheduler::Call;

// Reference trap 5.
TEST(ContentTypeTest, IsMatchedExactly) {
  EXPECT_EQ(ParseContentType("application/json"), ContentType::kJson);
  EXPECT_EQ(ParseContentType("application/x-protobuf"), ContentType::kProtobuf);
  for (std::string_view other : {"", "Application/JSON", "application/json; charset=utf-8",
                                 "application/protobuf", "application/recordio", "text/plain"}) {
    EXPECT_EQ(ParseContentType(other), std::nullopt) << other;
  }
}

TEST(ContentTypeTest, NegotiatesByTheAcceptHeader) {
  EXPECT_EQ(Negotiate(nullptr), ContentType::kJson);
  const std::pair<std::string, std::optional<ContentType>> cases[] = {
      {"application/json", ContentType::kJson},
      {"application/x-protobuf", ContentType::kProtobuf},
      {"APPLICATION/X-PROTOBUF", ContentType::kProtobuf},
      {"application/x-protobuf, application/json", ContentType::kJson},
      {"*/*", ContentType::kJson},
      {"application/*", ContentType::kJson},
      {"text/html, application/x-protobuf;q=0.1", ContentType::kProtobuf},
      {"application/json;q=0.5,application/x-protobuf;q=0.9", ContentType::kProtobuf},
      {"application/json;q=0, */*", ContentType::kProtobuf},
      {"application/json;q=0.0", std::nullopt},
      {"application/json;q=abc", std::nullopt},
      {"application/json; charset=utf-8 ; q = 0.5", ContentType::kJson},
      {"*/*;q=0.2, application/x-protobuf", ContentType::kProtobuf},
      {"text/html", std::nullopt},
      {"application/recordio", std::nullopt},
      {"", std::nullopt},
      {",;,;q=1,", std::nullopt},
  };
  for (const auto& [accept, type] : cases) EXPECT_EQ(Negotiate(&accept), type) << accept;
}

TEST(ContentTypeTest, BothEncodingsRoundTrip) {
  Call call;
  call.set_type(Call::KILL);
  call.mutable_framework_id()->set_value("f");
  call.mutable_kill()->mutable_task_id()->set_value("t");
  for (ContentType type : {ContentType::kJson, ContentType::kProtobuf}) {
    Call read;
    ASSERT_TRUE(Decode(Encode(call, type), type, &read));
    EXPECT_EQ(read.SerializeAsString(), call.SerializeAsString());
  }
}

TEST(ContentTypeTest, DecodingNamesTheMissingField) {
  Call call;
  call.set_type(Call::ACCEPT);
  call.mutable_accept()->add_offer_ids()->set_value("o");
  call.mutable_accept()->add_offer_ids();
  Call read;
  const Status status = Decode(call.SerializePartialAsString(), ContentType::kProtobuf, &read);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kInvalid);
  EXPECT_EQ(status.error().message, "accept.offer_ids[1].value: this required field is missing");
}

TEST(ContentTypeTest, RefusesBytesThatAreNoMessage) {
  Call read;
  for (std::string_view bytes : {"\xff\xff\xff", "{", "\x0a\x7f"}) {
    const Status status = Decode(bytes, ContentType::kProtobuf, &read);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kInvalid);
  }
}

}  // namespace
}  // namespace tepui::wire
