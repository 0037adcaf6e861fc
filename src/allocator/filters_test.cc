// SPDX-License-Identifier: Apache-2.0
#include "allocator/filters.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/random.h"

namespace tepui::allocator {
namespace {

Resources R(const std::string& text) { return *Resources::Parse(text); }
MonotonicTime At(int seconds) { return MonotonicTime(std::chrono::seconds(seconds)); }

constexpr AgentHandle kAgent(0);
constexpr AgentHandle kOther(1);
constexpr NodeHandle kOne(3);
constexpr NodeHandle kTwo(1);

std::vector<NodeHandle> Hidden(Filters& filters, AgentHandle agent, const std::string& resources) {
  std::vector<NodeHandle> hidden;
  filters.ForEachHidden(agent, R(resources), [&](NodeHandle client) { hidden.push_back(client); });
  return hidden;
}

// A filter hides any later offer whose resources are contained in the declined ones (reference
// 2.3).
TEST(FiltersTest, HidesSubsetsOnly) {
  Filters filters;
  filters.Install(kAgent, kOne, R("cpus:2;mem:100"), At(5));
  EXPECT_TRUE(filters.Hides(kAgent, kOne, R("cpus:2;mem:100")));
  EXPECT_TRUE(filters.Hides(kAgent, kOne, R("cpus:1")));
  EXPECT_FALSE(filters.Hides(kAgent, kOne, R("cpus:3;mem:100")));
  EXPECT_FALSE(filters.Hides(kAgent, kTwo, R("cpus:1")));
  EXPECT_FALSE(filters.Hides(kOther, kOne, R("cpus:1")));
}

TEST(FiltersTest, NamesEachHiddenClientOnce) {
  Filters filters;
  filters.Install(kAgent, kOne, R("cpus:2;mem:1"), At(5));
  filters.Install(kAgent, kOne, R("cpus:1;mem:2"), At(5));
  filters.Install(kAgent, kTwo, R("cpus:2;mem:1"), At(5));
  EXPECT_EQ(Hidden(filters, kAgent, "cpus:1;mem:1"), (std::vector<NodeHandle>{kTwo, kOne}));
  EXPECT_EQ(Hidden(filters, kAgent, "cpus:1;mem:2"), (std::vector<NodeHandle>{kOne}));
  EXPECT_TRUE(Hidden(filters, kAgent, "cpus:2;mem:2").empty());
}

TEST(FiltersTest, EndsInOrderOfTime) {
  Filters filters;
  filters.Install(kAgent, kOne, R("cpus:1"), At(7));
  filters.Install(kAgent, kTwo, R("cpus:1"), At(5));
  EXPECT_EQ(filters.NextEnd(), At(5));
  EXPECT_FALSE(filters.PopEnded(At(4)));
  EXPECT_EQ(filters.PopEnded(At(5)), std::pair(kAgent, kTwo));
  EXPECT_FALSE(filters.PopEnded(At(5)));
  EXPECT_TRUE(filters.Hides(kAgent, kOne, R("cpus:1")));
  EXPECT_EQ(filters.PopEnded(At(9)), std::pair(kAgent, kOne));
  EXPECT_EQ(filters.size(), 0u);
  EXPECT_FALSE(filters.AnyOn(kAgent));
}

TEST(FiltersTest, DropsWhatAnotherMakesRedundant) {
  Filters filters;
  filters.Install(kAgent, kOne, R("cpus:2"), At(9));
  filters.Install(kAgent, kOne, R("cpus:1"), At(5));  // It refuses less, for a shorter time.
  EXPECT_EQ(filters.size(), 1u);
  filters.Install(kAgent, kOne, R("cpus:1"), At(12));  // It refuses less, but for longer.
  EXPECT_EQ(filters.size(), 2u);
  filters.Install(kAgent, kOne, R("cpus:3"), At(12));  // It makes both redundant.
  EXPECT_EQ(filters.size(), 1u);
  EXPECT_TRUE(filters.Hides(kAgent, kOne, R("cpus:3")));
}

TEST(FiltersTest, IsBoundedForEachPair) {
  Filters filters;
  for (int i = 1; i <= 100; ++i) {
    filters.Install(kAgent, kOne,
                    R("cpus:" + std::to_string(i) + ";mem:" + std::to_string(101 - i)), At(i));
  }
  EXPECT_EQ(filters.size(), Filters::kMaxPerClientAndAgent);
  EXPECT_FALSE(
      filters.Hides(kAgent, kOne, R("cpus:1;mem:100")));  // The filter that ends first was dropped.
  EXPECT_TRUE(filters.Hides(kAgent, kOne, R("cpus:100;mem:1")));
}

TEST(FiltersTest, GoWithTheirClientOrAgent) {
  Filters filters;
  for (AgentHandle agent : {kAgent, kOther}) {
    for (NodeHandle client : {kOne, kTwo}) filters.Install(agent, client, R("cpus:1"), At(5));
  }
  filters.RemoveClient(kOne);
  EXPECT_FALSE(filters.Hides(kOther, kOne, R("cpus:1")));
  EXPECT_EQ(filters.size(), 2u);
  filters.RemoveAgent(kAgent);
  EXPECT_FALSE(filters.AnyOn(kAgent));
  EXPECT_EQ(filters.PopEnded(At(5)), std::pair(kOther, kTwo));
  EXPECT_FALSE(filters.PopEnded(At(5)));
}

// Compares Filters with a list that is searched linearly.
TEST(FiltersTest, AgreesWithAPlainList) {
  struct Plain {
    AgentHandle agent;
    NodeHandle client;
    Resources refused;
    MonotonicTime end;
  };
  std::vector<Plain> plain;
  Filters filters;
  SeededRandom random(11);
  const auto any = [&](uint64_t n) { return static_cast<uint32_t>(random.Below(n)); };
  const auto resources = [&] {
    return R("cpus:" + std::to_string(1 + any(3)) + ";mem:" + std::to_string(1 + any(3)));
  };
  int now = 0;
  for (int step = 0; step < 20000; ++step) {
    const AgentHandle agent(any(4));
    const NodeHandle client(any(5));
    const uint32_t what = any(100);
    if (what < 50) {
      Plain one{agent, client, resources(), At(now + 1 + static_cast<int>(any(20)))};
      filters.Install(one.agent, one.client, one.refused, one.end);
      plain.push_back(one);
    } else if (what < 52) {
      filters.RemoveClient(client);
      std::erase_if(plain, [&](const Plain& it) { return it.client == client; });
    } else if (what < 54) {
      filters.RemoveAgent(agent);
      std::erase_if(plain, [&](const Plain& it) { return it.agent == agent; });
    } else if (what < 70) {
      ++now;
      while (filters.PopEnded(At(now))) {
      }
      std::erase_if(plain, [&](const Plain& it) { return it.end <= At(now); });
    } else {
      const Resources offer = resources();
      std::set<NodeHandle> expected;
      for (const Plain& it : plain) {
        if (it.agent == agent && it.refused.Contains(offer)) expected.insert(it.client);
      }
      std::set<NodeHandle> hidden;
      filters.ForEachHidden(agent, offer,
                            [&](NodeHandle it) { ASSERT_TRUE(hidden.insert(it).second); });
      ASSERT_EQ(hidden, expected);
      ASSERT_EQ(filters.Hides(agent, client, offer), expected.contains(client));
    }
  }
}

}  // namespace
}  // namespace tepui::allocator
