// SPDX-License-Identifier: Apache-2.0
#include "net/memory_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace tepui::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MemoryBudgetTest : public testing::Test {
 protected:
  std::shared_ptr<MemoryHolder> Open(const std::string& address, const std::string& name) {
    return budget_->Open(address, [this, name] { cut_.push_back(name); });
  }

  std::vector<std::string> cut_;
  const std::shared_ptr<MemoryBudget> budget_ = std::make_shared<MemoryBudget>(800);
};

TEST_F(MemoryBudgetTest, CountsWhatIsHeld) {
  auto a = Open("1", "a");
  const auto b = Open("2", "b");
  EXPECT_TRUE(a->Add(500));
  EXPECT_TRUE(b->Add(300));
  EXPECT_EQ(budget_->used(), 800u);
  a->Remove(100);
  EXPECT_TRUE(b->Add(100));
  a.reset();
  EXPECT_EQ(budget_->used(), 400u);
  EXPECT_THAT(cut_, IsEmpty());
}

TEST_F(MemoryBudgetTest, TheGreediestIsRefusedIfItAsks) {
  const auto a = Open("1", "a");
  const auto b = Open("2", "b");
  EXPECT_TRUE(b->Add(100));
  EXPECT_TRUE(a->Add(700));
  EXPECT_FALSE(a->Add(1));
  EXPECT_EQ(budget_->used(), 800u);
  EXPECT_EQ(a->held(), 700u);
  EXPECT_THAT(cut_, IsEmpty());
}

TEST_F(MemoryBudgetTest, TheGreediestIsCutIfAnotherAsks) {
  const auto a = Open("1", "a");
  const auto b = Open("2", "b");
  EXPECT_TRUE(a->Add(790));
  EXPECT_TRUE(b->Add(20));
  EXPECT_THAT(cut_, ElementsAre("a"));
  EXPECT_FALSE(a->Add(1));
  // It has not freed anything yet, and others need not wait for that.
  EXPECT_EQ(budget_->used(), 810u);
  EXPECT_TRUE(b->Add(700));
  EXPECT_THAT(cut_, ElementsAre("a"));
}

TEST_F(MemoryBudgetTest, TheAddressThatHoldsTheMostPaysFirst) {
  const auto single = Open("1", "single");
  std::vector<std::shared_ptr<MemoryHolder>> swarm;
  for (int i = 0; i < 10; ++i) {
    swarm.push_back(Open("2", std::to_string(i)));
    EXPECT_TRUE(swarm.back()->Add(i == 7 ? 70 : 50));
  }
  EXPECT_TRUE(single->Add(280));
  EXPECT_TRUE(Open("3", "asks")->Add(40));
  // One eighth becomes free, from the largest on.
  EXPECT_EQ(cut_.front(), "7");
  EXPECT_THAT(cut_, testing::SizeIs(3));
  EXPECT_THAT(cut_, testing::Not(testing::Contains("single")));
}

TEST_F(MemoryBudgetTest, OfOneAddressTheLargestPays) {
  const auto attacker = Open("1", "attacker");
  const auto neighbour = Open("1", "neighbour");
  EXPECT_TRUE(neighbour->Add(10));
  EXPECT_TRUE(attacker->Add(790));
  EXPECT_TRUE(neighbour->Add(10));
  EXPECT_THAT(cut_, ElementsAre("attacker"));
}

TEST_F(MemoryBudgetTest, OneThatWantsTooMuchIsRefusedWithoutHarm) {
  const auto small = Open("1", "small");
  const auto large = Open("1", "large");
  EXPECT_TRUE(small->Add(10));
  EXPECT_FALSE(large->Add(801));
  EXPECT_THAT(cut_, IsEmpty());
  EXPECT_EQ(budget_->used(), 10u);
}

TEST_F(MemoryBudgetTest, ALeaseGivesBack) {
  const auto holder = Open("1", "a");
  {
    MemoryLease lease(holder);
    EXPECT_TRUE(lease.Set(300));
    EXPECT_TRUE(lease.Grow(100));
    MemoryLease moved = std::move(lease);
    EXPECT_EQ(moved.bytes(), 400u);
    EXPECT_FALSE(moved.Grow(500));
    EXPECT_TRUE(moved.Set(200));
    EXPECT_EQ(holder->held(), 200u);
  }
  EXPECT_EQ(holder->held(), 0u);
  EXPECT_TRUE(MemoryLease().Grow(1 << 30));
}

TEST_F(MemoryBudgetTest, StaysWithinItsBoundWhateverThreadsAsk) {
  std::vector<std::thread> threads;
  const auto budget = std::make_shared<MemoryBudget>(1000);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&budget, t] {
      const auto holder = budget->Open(std::to_string(t), [] {});
      MemoryLease lease(holder);
      for (size_t i = 0; i < 20'000; ++i) lease.Set(i * 37 % 400);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget->used(), 0u);
}

}  // namespace
}  // namespace tepui::net
