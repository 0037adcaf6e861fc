// SPDX-License-Identifier: Apache-2.0
#include "wire/decode_cost.h"

#include <gtest/gtest.h>

#include <string>

#include "mesos/v1/scheduler/scheduler.pb.h"
#include "wire/content_type.h"

namespace tepui::wire {
namespace {

using mesos::v1::scheduler::Call;

// A call with that many empty operations, in few bytes.
std::string Operations(size_t count, ContentType type) {
  if (type == ContentType::kJson) {
    std::string json = R"({"type":"ACCEPT","accept":{"operations":[{})";
    for (size_t i = 1; i < count; ++i) json += ",{}";
    return json + "]}}";
  }
  Call call;
  call.set_type(Call::ACCEPT);
  for (size_t i = 0; i < count; ++i) call.mutable_accept()->add_operations();
  return call.SerializeAsString();
}

class DecodeCostTest : public testing::TestWithParam<ContentType> {};
INSTANTIATE_TEST_SUITE_P(Types, DecodeCostTest,
                         testing::Values(ContentType::kJson, ContentType::kProtobuf));

TEST_P(DecodeCostTest, AsksForWhatTheMessageTakes) {
  size_t asked = 0;
  Call call;
  ASSERT_TRUE(Decode(Operations(20'000, GetParam()), GetParam(), &call, [&](size_t bytes) {
    asked += bytes;
    return true;
  }));
  const auto taken = static_cast<size_t>(call.SpaceUsedLong());
  EXPECT_GT(asked, taken * 8 / 10);
  EXPECT_LT(asked, taken * 2);
}

TEST_P(DecodeCostTest, StopsWhereThereIsNoMemory) {
  constexpr size_t kMemory = 1 << 20;
  size_t asked = 0;
  Call call;
  const Status decoded =
      Decode(Operations(100'000, GetParam()), GetParam(), &call, [&](size_t bytes) {
        asked += bytes;
        return asked <= kMemory;
      });
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kUnavailable);
  EXPECT_LT(asked, 2 * kMemory);
  EXPECT_LT(static_cast<size_t>(call.SpaceUsedLong()), 2 * kMemory);
}

TEST_P(DecodeCostTest, MessagesHaveABound) {
  Call call;
  const Status decoded = Decode(Operations(kMaxMessages, GetParam()), GetParam(), &call);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kTooLarge);
}

TEST_P(DecodeCostTest, SmallCallsNeedNotAsk) {
  Call call;
  EXPECT_TRUE(Decode(Operations(20, GetParam()), GetParam(), &call, [](size_t) { return false; }));
}

TEST(DecodeCost, BrokenProtobufIsLeftToTheParser) {
  for (const std::string bytes :
       {"\x0a", "\x0a\xff\xff\xff\xff\x0f", "\x0b\x0b", "\x12\x05\x0a\xff"}) {
    const MemoryAsker ask;
    DecodeCost cost(ask);
    EXPECT_TRUE(AddProtobuf(bytes, Call::descriptor(), &cost));
  }
}

}  // namespace
}  // namespace tepui::wire
