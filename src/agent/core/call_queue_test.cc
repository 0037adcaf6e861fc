// SPDX-License-Identifier: Apache-2.0
#include "agent/core/call_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tepui::agent {
namespace {

link::Call Message(const std::string& data) {
  link::Call call;
  call.set_type(link::Call::EXECUTOR_MESSAGE);
  call.mutable_executor_message()->mutable_framework_id()->set_value("f");
  call.mutable_executor_message()->mutable_executor_id()->set_value("e");
  call.mutable_executor_message()->set_data(data);
  return call;
}

void Fill(CallQueue& queue, int from, int to) {
  for (int i = from; i < to; ++i) ASSERT_TRUE(queue.Add(Message(std::to_string(i))));
}

// Expects the calls of `batch` to be those from `first` on, in order.
void ExpectFrom(const link::Calls& batch, int first) {
  for (int i = 0; i < batch.calls_size(); ++i) {
    ASSERT_EQ(batch.calls(i).executor_message().data(), std::to_string(first + i));
  }
}

TEST(CallQueueTest, OneBatchIsInFlightAndTheRestTravelsTogether) {
  CallQueue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.Take()) << "nothing waits";
  Fill(queue, 0, 1);
  EXPECT_FALSE(queue.empty());
  const auto first = queue.Take();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->calls_size(), 1);
  EXPECT_FALSE(queue.empty()) << "it is on its way";

  Fill(queue, 1, 8);
  EXPECT_FALSE(queue.Take()) << "one is in flight";
  EXPECT_EQ(queue.waiting(), 7);
  queue.OnAnswered();
  const auto second = queue.Take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->calls_size(), 7);
  ExpectFrom(*second, 1);
  queue.OnAnswered();
  EXPECT_TRUE(queue.empty());
}

TEST(CallQueueTest, ABatchHoldsALimitedNumberOfCalls) {
  CallQueue queue;
  const int count = 2 * CallQueue::kMaxBatch + 1;
  Fill(queue, 0, count);
  for (int first = 0; first < count; first += CallQueue::kMaxBatch) {
    const auto batch = queue.Take();
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->calls_size(), std::min(CallQueue::kMaxBatch, count - first));
    ExpectFrom(*batch, first);
    queue.OnAnswered();
  }
  EXPECT_TRUE(queue.empty());
}

TEST(CallQueueTest, ABatchEndsWithTheCallThatReachesItsBytes) {
  CallQueue queue;
  constexpr size_t kBytes = CallQueue::kMaxBatchBytes / 2;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue.Add(Message(std::string(kBytes, 'x'))));
  for (const int expected : {2, 2, 1}) {
    const auto batch = queue.Take();
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->calls_size(), expected);
    queue.OnAnswered();
  }
  EXPECT_TRUE(queue.empty());
}

TEST(CallQueueTest, RefusesCallsBeyondItsNumber) {
  CallQueue queue;
  Fill(queue, 0, CallQueue::kMaxWaiting);
  EXPECT_FALSE(queue.Add(Message("one more")));
  EXPECT_EQ(queue.waiting(), CallQueue::kMaxWaiting);
  ASSERT_TRUE(queue.Take());
  EXPECT_TRUE(queue.Add(Message("there is room again")));
}

TEST(CallQueueTest, RefusesCallsBeyondItsBytes) {
  CallQueue queue;
  constexpr size_t kBytes = 16 << 20;
  size_t taken = 0;
  for (; queue.Add(Message(std::string(kBytes, 'x'))); taken += kBytes) {
    ASSERT_LT(taken, CallQueue::kMaxWaitingBytes);
  }
  EXPECT_GE(taken, CallQueue::kMaxWaitingBytes);
  ASSERT_TRUE(queue.Take());
  EXPECT_TRUE(queue.Add(Message("there is room again")));
}

TEST(CallQueueTest, TheNextLinkBeginsWithAnEmptyQueue) {
  CallQueue queue;
  Fill(queue, 0, 1);
  ASSERT_TRUE(queue.Take());
  Fill(queue, 1, 3);
  queue.Clear();
  EXPECT_TRUE(queue.empty());
  Fill(queue, 7, 8);
  const auto batch = queue.Take();
  ASSERT_TRUE(batch) << "the old link's batch is not waited for";
  EXPECT_EQ(batch->calls_size(), 1);
  ExpectFrom(*batch, 7);
}

}  // namespace
}  // namespace tepui::agent
