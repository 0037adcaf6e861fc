// SPDX-License-Identifier: Apache-2.0
#include "resources/quantities.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"

namespace tepui {
namespace {

Amount Milli(int64_t milli) { return Amount::FromMilli(milli); }

Quantities Q(std::string_view text) {
  auto quantities = Quantities::Parse(text);
  EXPECT_TRUE(quantities.has_value()) << quantities.error().message;
  return quantities.value_or(Quantities());
}

// Reference trap 9: three decimals, rounded half away from zero.
TEST(AmountTest, RoundsToThousandths) {
  EXPECT_EQ(Amount::FromDouble(1.5015).milli(), 1502);
  EXPECT_EQ(Amount::FromDouble(1.5011).milli(), 1501);
  EXPECT_EQ(Amount::FromDouble(0.0004).milli(), 0);
  EXPECT_EQ(Amount::FromDouble(-1.0005).milli(), -1001);
}

TEST(AmountTest, SumsAreExact) {
  Amount sum;
  for (int i = 0; i < 100000; ++i) sum += Amount::FromDouble(1.001);
  EXPECT_EQ(sum, Amount::FromDouble(100100));
  for (int i = 0; i < 100000; ++i) sum -= Amount::FromDouble(1.001);
  EXPECT_EQ(sum, Amount());
}

TEST(AmountTest, EveryAmountSurvivesTheWireAndThePrinter) {
  for (int64_t milli : {int64_t{0}, int64_t{1}, int64_t{999}, int64_t{1000}, int64_t{45550},
                        int64_t{1234567891}, Amount::kMaxMilli - 1, Amount::kMaxMilli}) {
    EXPECT_EQ(Amount::FromDouble(Milli(milli).ToDouble()), Milli(milli));
  }
  EXPECT_EQ(Milli(45550).ToString(), "45.55");
  EXPECT_EQ(Milli(4000).ToString(), "4");
  EXPECT_EQ(Milli(1).ToString(), "0.001");
  EXPECT_EQ(Milli(Amount::kMaxMilli - 1).ToString(), "999999999999.999");
}

// Sums over all agents of a cluster exceed 64 bits if the agents lie.
TEST(AmountTest, SumsBeyond64BitsAreExact) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  Amount sum;
  for (int i = 0; i < 100'000; ++i) sum += Milli(Amount::kMaxMilli);
  EXPECT_EQ(sum, Milli(Amount::kMaxMilli) * 100'000);
  EXPECT_EQ(sum.milli(), kMost);
  EXPECT_EQ(sum.ToDouble(), 1e17);
  EXPECT_EQ(sum / Milli(Amount::kMaxMilli), 100'000);
  EXPECT_EQ((Amount() - sum).milli(), kLeast);
  for (int i = 0; i < 100'000; ++i) sum -= Milli(Amount::kMaxMilli);
  EXPECT_EQ(sum, Amount());
  EXPECT_GT(Milli(kMost) + Milli(1), Milli(kMost));
  EXPECT_EQ(Milli(kLeast) - Milli(1) + Milli(1), Milli(kLeast));
}

TEST(QuantitiesTest, RandomSumsNearTheLimitsAreExact) {
  SeededRandom random(3);
  const std::vector<ResourceName> names = {ResourceNames::Cpus(), ResourceNames::Disk(),
                                           *ResourceName::Of("custom")};
  Quantities sum;
  std::vector<Quantities> added;
  for (int step = 0; step < 100'000; ++step) {
    if (!added.empty() && random.Below(3) == 0) {
      std::swap(added[random.Below(added.size())], added.back());
      sum -= added.back();
      added.pop_back();
      continue;
    }
    Quantities part;
    for (const ResourceName& name : names)
      part.Set(name, Milli(Amount::kMaxMilli - static_cast<int64_t>(random.Below(2))));
    sum += part;
    added.push_back(std::move(part));
  }
  EXPECT_GT(sum.Get(names[0]), Milli(std::numeric_limits<int64_t>::max()));
  for (const Quantities& part : added) {
    ASSERT_TRUE(sum.Contains(part));
    sum -= part;
  }
  EXPECT_TRUE(sum.empty()) << sum.ToString();
}

TEST(AmountTest, ValuesFromOutsideAreChecked) {
  EXPECT_TRUE(Amount::Checked(0));
  EXPECT_TRUE(Amount::Checked(9e11));
  for (double bad :
       {-0.001, 1.1e12, 1e300, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_FALSE(Amount::Checked(bad)) << bad;
  }
}

TEST(ResourceNameTest, SameTextSameNumber) {
  EXPECT_EQ(*ResourceName::Of("cpus"), ResourceNames::Cpus());
  EXPECT_EQ(*ResourceName::Of("ports"), ResourceNames::Ports());
  const ResourceName custom = *ResourceName::Of("nvidia.com/gpu-80");
  EXPECT_EQ(*ResourceName::Of("nvidia.com/gpu-80"), custom);
  EXPECT_EQ(custom.text(), "nvidia.com/gpu-80");
  EXPECT_NE(custom, *ResourceName::Of("nvidia.com/gpu-40"));
}

// A name is forgotten with its last holder. Otherwise a peer that invents names could use all up.
TEST(ResourceNameTest, NumbersAreUsedAgain) {
  std::vector<ResourceName> held;
  for (int i = 0;; ++i) {
    Result<ResourceName> name = ResourceName::Of("made-up-" + std::to_string(i));
    if (!name) {
      EXPECT_EQ(name.error().code, Code::kUnavailable) << name.error().message;
      break;
    }
    held.push_back(*name);
  }
  EXPECT_GT(held.size(), size_t{65'000});
  EXPECT_FALSE(ResourceName::Of("honest"));
  EXPECT_TRUE(ResourceName::Of("mem"));
  EXPECT_TRUE(ResourceName::Of("made-up-0")) << "a name that exists needs no number";
  {
    const ResourceName copy = held[100];
    held.erase(held.begin() + 100);
    EXPECT_EQ(copy.text(), "made-up-100");
    EXPECT_FALSE(ResourceName::Of("honest")) << "the copy holds the name";
  }
  const Result<ResourceName> honest = ResourceName::Of("honest");
  ASSERT_TRUE(honest);
  EXPECT_EQ(honest->text(), "honest");
  held.clear();
  for (int i = 0; i < 200'000; ++i)
    ASSERT_TRUE(ResourceName::Of("other-" + std::to_string(i))) << i;
  EXPECT_EQ(honest->text(), "honest");
}

TEST(ResourceNameTest, ThreadsAcquireAndRelease) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 20'000; ++i) {
        const std::string text = "shared-" + std::to_string(i % 3);
        const ResourceName name = *ResourceName::Of(text);
        const ResourceName copy = name;
        if (copy.text() != text) ADD_FAILURE() << copy.text() << " instead of " << text;
      }
    });
  }
}

TEST(ResourceNameTest, RefusesWhatCouldNotBeReadBack) {
  for (std::string_view bad :
       {"", "a b", "a:b", "a;b", "a(b", "a[b", "a{b", "a<b", "a\nb", "a\x7f", "a,b", "a\"b"}) {
    EXPECT_FALSE(ResourceName::Of(bad)) << bad;
  }
  EXPECT_FALSE(ResourceName::Of(std::string(1000, 'x')));
}

TEST(ResourceNameTest, ThreadsAgree) {
  constexpr int kThreads = 4;
  constexpr int kNames = 200;
  std::vector<std::vector<ResourceName>> seen(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&seen, t] {
        for (int i = 0; i < kNames; ++i) {
          const std::string name = "threaded-" + std::to_string(i);
          ResourceName resource = *ResourceName::Of(name);
          if (resource.text() == name) seen[static_cast<size_t>(t)].push_back(std::move(resource));
        }
      });
    }
  }
  ASSERT_EQ(std::set<ResourceName>(seen[0].begin(), seen[0].end()).size(), size_t{kNames});
  for (const auto& other : seen) EXPECT_EQ(other, seen[0]);
}

TEST(QuantitiesTest, Parses) {
  const Quantities quantities = Q(" mem: 32 ; cpus:0.01; ");
  EXPECT_EQ(quantities.Get(ResourceNames::Cpus()), Milli(10));
  EXPECT_EQ(quantities.Get(ResourceNames::Mem()), Milli(32000));
  EXPECT_EQ(quantities.Get(ResourceNames::Disk()), Amount());
  EXPECT_EQ(quantities.ToString(), "cpus:0.01; mem:32");
  EXPECT_TRUE(Q("").empty());
  EXPECT_TRUE(Q("cpus:0").empty());
}

TEST(QuantitiesTest, RefusesWhatIsNoQuantity) {
  for (std::string_view bad :
       {"cpus", "cpus:1:2", "cpus:-1", "cpus:[1-2]", "cpus:{a}", "cpus:x", "cpus:1;cpus:2",
        "cpus:0;cpus:1", ":1", "cpus(role):1", "cpus:1e30"}) {
    EXPECT_FALSE(Quantities::Parse(bad)) << bad;
  }
}

TEST(QuantitiesTest, AddsAndSubtracts) {
  Quantities sum = Q("cpus:1;disk:5");
  sum += Q("mem:2;cpus:0.5;gpus:1");
  EXPECT_EQ(sum, Q("cpus:1.5;mem:2;disk:5;gpus:1"));
  sum += sum;
  EXPECT_EQ(sum, Q("cpus:3;mem:4;disk:10;gpus:2"));
  // An amount below zero becomes zero, and a zero amount is not held.
  sum -= Q("cpus:1;mem:100;gpus:2;ephemeral:1");
  EXPECT_EQ(sum, Q("cpus:2;disk:10"));
  sum -= sum;
  EXPECT_TRUE(sum.empty());
}

TEST(QuantitiesTest, Contains) {
  const Quantities some = Q("cpus:2;disk:10");
  EXPECT_TRUE(some.Contains(Quantities()));
  EXPECT_TRUE(some.Contains(some));
  EXPECT_TRUE(some.Contains(Q("disk:10")));
  EXPECT_FALSE(some.Contains(Q("disk:10.001")));
  EXPECT_FALSE(some.Contains(Q("cpus:1;mem:0.001")));
  EXPECT_FALSE(Quantities().Contains(some));
}

TEST(QuantitiesTest, SetToZeroForgets) {
  Quantities quantities;
  quantities.Set(ResourceNames::Mem(), Milli(5));
  quantities.Set(ResourceNames::Cpus(), Milli(1));
  quantities.Set(ResourceNames::Mem(), Milli(7));
  EXPECT_EQ(quantities, Q("cpus:0.001;mem:0.007"));
  quantities.Set(ResourceNames::Mem(), Amount());
  quantities.Add(ResourceNames::Cpus(), Milli(-1));
  EXPECT_TRUE(quantities.empty());
}

}  // namespace
}  // namespace tepui
