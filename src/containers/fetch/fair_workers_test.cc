// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/fair_workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <latch>
#include <memory>

namespace tepui::containers {
namespace {

using ::testing::ElementsAre;

constexpr auto kPatience = std::chrono::seconds(30);

// Work that runs until it is told to end. It must outlive the workers.
struct Held {
  std::promise<void> begun;
  std::promise<void> let_go;
  FairWorkers::Work Make() {
    return [this] {
      begun.set_value();
      let_go.get_future().wait();
    };
  }
  void AwaitBegin() {
    ASSERT_EQ(begun.get_future().wait_for(kPatience), std::future_status::ready);
  }
};

TEST(FairWorkers, OneOwnerCannotOccupyAllThreads) {
  Held first, second, third;
  std::promise<void> other;
  FairWorkers workers("test", 3, 2);
  workers.Submit("greedy", "1", first.Make());
  workers.Submit("greedy", "2", second.Make());
  workers.Submit("greedy", "3", third.Make());
  first.AwaitBegin();
  second.AwaitBegin();
  workers.Submit("other", "4", [&other] { other.set_value(); });
  EXPECT_EQ(other.get_future().wait_for(kPatience), std::future_status::ready);
  first.let_go.set_value();
  third.AwaitBegin();
  second.let_go.set_value();
  third.let_go.set_value();
}

TEST(FairWorkers, OwnersTakeTurns) {
  std::vector<std::string> order;
  std::latch done(6);
  {
    Held one, two;  // Keep both threads from the queue until it is complete.
    FairWorkers workers("test", 2, 1);
    workers.Submit("x", "x", one.Make());
    workers.Submit("y", "y", two.Make());
    one.AwaitBegin();
    two.AwaitBegin();
    const auto submit = [&](const std::string& owner, const std::string& id) {
      workers.Submit(owner, id, [&order, &done, id] {
        order.push_back(id);
        done.count_down();
      });
    };
    for (const char* id : {"a1", "a2", "a3"}) submit("a", id);
    for (const char* id : {"b1", "b2"}) submit("b", id);
    submit("c", "c1");
    one.let_go.set_value();
    done.wait();  // By one thread, because the other one is still held.
    two.let_go.set_value();
  }
  EXPECT_THAT(order, ElementsAre("a1", "b1", "c1", "a2", "b2", "a3"));
}

TEST(FairWorkers, WithdrawnWorkIsDestroyed) {
  Held held;
  FairWorkers workers("test", 2, 1);
  workers.Submit("a", "1", held.Make());
  held.AwaitBegin();
  const auto token = std::make_shared<int>();
  workers.Submit("a", "2", [token] { FAIL() << "It was withdrawn"; });
  EXPECT_TRUE(workers.Withdraw("2"));
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_FALSE(workers.Withdraw("2"));
  EXPECT_FALSE(workers.Withdraw("1"));  // It runs.
  held.let_go.set_value();
}

TEST(FairWorkers, NothingRunsAfterStop) {
  FairWorkers workers("test", 2, 1);
  workers.Stop();
  const auto token = std::make_shared<int>();
  workers.Submit("a", "1", [token] { FAIL() << "It is stopped"; });
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace tepui::containers
