// SPDX-License-Identifier: Apache-2.0
#include "allocator/share_tree.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "allocator/candidates.h"
#include "base/random.h"

namespace tepui::allocator {
namespace {

Quantities Q(const std::string& text) { return *Quantities::Parse(text); }
Resources R(const std::string& text) { return *Resources::Parse(text); }

// Roles with one client each; the order of the tree is given as the paths of roles.
class ShareTreeTest : public ::testing::Test {
 protected:
  void Add(const std::string& role, bool active = true) {
    clients_[role] = tree_.AddClient(role, "f");
    if (active) tree_.Activate(clients_[role]);
  }
  void Give(const std::string& role, const std::string& quantities) {
    tree_.AddUp(clients_.at(role), R(quantities), 1);
    held_[role] += R(quantities);
  }
  void TakeBack(const std::string& role, const std::string& quantities) {
    tree_.SubtractUp(clients_.at(role), R(quantities));
    held_[role] -= R(quantities);
  }
  void Remove(const std::string& role) {
    const NodeHandle client = clients_.at(role);
    tree_.Deactivate(client);
    tree_.SubtractUp(client, held_[role]);
    held_.erase(role);
    tree_.RemoveClient(client);
    clients_.erase(role);
  }
  std::vector<std::string> Order() {
    tree_.Refresh();
    SeededRandom random(1);
    Candidates candidates(tree_, SorterPolicy::kDrf, SorterPolicy::kDrf);
    candidates.Start(random);
    std::vector<std::string> order;
    while (candidates.NextRole()) {
      const NodeHandle client = candidates.NextClient();
      for (const auto& [role, handle] : clients_) {
        if (handle == client) order.push_back(role);
      }
    }
    return order;
  }
  using Roles = std::vector<std::string>;

  ShareTree tree_;
  std::map<std::string, NodeHandle> clients_;
  std::map<std::string, Resources> held_;
};

// Roles rank by the largest fraction of any one scalar, of a total that may change (reference 3,
// "drf").
TEST_F(ShareTreeTest, RanksByDominantShare) {
  tree_.AddTotal(Q("cpus:100;mem:100"));
  Add("a");
  Give("a", "cpus:5;mem:5");
  Add("b");
  Give("b", "cpus:6;mem:6");
  EXPECT_EQ(Order(), (Roles{"a", "b"}));
  Add("c");
  Give("c", "cpus:1;mem:1");
  Add("d");
  Give("d", "cpus:3;mem:1");
  EXPECT_EQ(Order(), (Roles{"c", "d", "a", "b"}));

  Remove("a");
  TakeBack("b", "cpus:4;mem:4");
  EXPECT_EQ(Order(), (Roles{"c", "b", "d"}));

  Add("e");
  Give("e", "cpus:1;mem:5");
  tree_.SubtractTotal(Q("cpus:50"));
  EXPECT_EQ(Order(), (Roles{"c", "b", "e", "d"}));

  tree_.AddTotal(Q("mem:100"));
  Add("f");
  Give("f", "cpus:5;mem:1");
  Give("c", "mem:15");
  EXPECT_EQ(Order(), (Roles{"e", "b", "d", "c", "f"}));

  tree_.Deactivate(clients_.at("d"));
  EXPECT_EQ(Order(), (Roles{"e", "b", "c", "f"}));
  tree_.Activate(clients_.at("d"));
  EXPECT_EQ(Order(), (Roles{"e", "b", "d", "c", "f"}));
}

TEST_F(ShareTreeTest, DividesByWeight) {
  tree_.AddTotal(Q("cpus:100;mem:100"));
  tree_.SetWeight("b", 2.0);
  Add("a");
  Give("a", "cpus:5");
  Add("b");
  Give("b", "cpus:6");
  EXPECT_EQ(Order(), (Roles{"b", "a"}));
  tree_.SetWeight("b", 1.0);
  EXPECT_EQ(Order(), (Roles{"a", "b"}));
}

// Ties are broken by number of allocations, then by path (reference 3). The count stays when
// resources are returned or the client is deactivated.
TEST_F(ShareTreeTest, BreaksTiesByAllocationsThenName) {
  tree_.AddTotal(Q("cpus:100;mem:100"));
  for (const char* role : {"e", "c", "a", "b", "d"}) Add(role);
  for (const char* role : {"a", "b", "e"}) Give(role, "cpus:3;mem:3");
  for (int i = 0; i < 3; ++i) Give("c", "cpus:1;mem:1");
  Give("d", "cpus:2;mem:2");
  Give("d", "cpus:1;mem:1");
  EXPECT_EQ(Order(), (Roles{"a", "b", "e", "d", "c"}));
  TakeBack("c", "cpus:3;mem:3");
  EXPECT_EQ(Order(), (Roles{"c", "a", "b", "e", "d"}));
  Give("c", "cpus:3;mem:3");
  tree_.Deactivate(clients_.at("c"));
  tree_.Activate(clients_.at("c"));
  EXPECT_EQ(Order(), (Roles{"a", "b", "e", "d", "c"}));
  tree_.Deactivate(clients_.at("a"));
  TakeBack("a", "cpus:1;mem:3");
  Give("a", "cpus:1;mem:3");
  tree_.Activate(clients_.at("a"));
  EXPECT_EQ(Order(), (Roles{"b", "e", "a", "d", "c"}));
}

TEST_F(ShareTreeTest, SiblingsCompeteWithinTheirParent) {
  tree_.AddTotal(Q("cpus:100;mem:100"));
  for (const char* role : {"a", "b/c", "b/d"}) Add(role);
  EXPECT_EQ(Order(), (Roles{"a", "b/c", "b/d"}));
  Give("a", "cpus:6;mem:6");
  EXPECT_EQ(Order(), (Roles{"b/c", "b/d", "a"}));
  Give("b/c", "cpus:4;mem:4");
  Give("b/d", "cpus:3;mem:3");
  EXPECT_EQ(Order(), (Roles{"a", "b/d", "b/c"}));  // 0.06 against 0.07 of b.
  Give("a", "cpus:2;mem:2");
  EXPECT_EQ(Order(), (Roles{"b/d", "b/c", "a"}));
  Add("b/e/f");
  EXPECT_EQ(Order(), (Roles{"b/e/f", "b/d", "b/c", "a"}));
  Give("b/e/f", "cpus:3.5;mem:3.5");  // b at 0.105.
  EXPECT_EQ(Order(), (Roles{"a", "b/d", "b/e/f", "b/c"}));
  Remove("b/e/f");
  EXPECT_FALSE(tree_.FindRole("b/e"));
  EXPECT_EQ(Order(), (Roles{"b/d", "b/c", "a"}));
}

// A role that is also a parent competes against its subroles by what its own frameworks hold
// (reference 3).
TEST_F(ShareTreeTest, ParentRoleIsALeafAmongItsChildren) {
  tree_.AddTotal(Q("cpus:100"));
  Add("a");
  Give("a", "cpus:2");
  Add("a/b");
  Add("c");
  Give("c", "cpus:3");
  EXPECT_EQ(Order(), (Roles{"a/b", "a", "c"}));
  Give("a/b", "cpus:2");  // a: 0.04; "." and b: 0.02 each, one allocation each; "." is before "b".
  EXPECT_EQ(Order(), (Roles{"c", "a", "a/b"}));
  tree_.Deactivate(clients_.at("a"));
  EXPECT_EQ(Order(), (Roles{"c", "a/b"}));
  tree_.SetWeight("a", 4.0);  // The whole subtree is at 0.01.
  EXPECT_EQ(Order(), (Roles{"a/b", "c"}));
}

TEST_F(ShareTreeTest, LeavesExcludedNamesOut) {
  tree_ = ShareTree({}, {"gpus"});
  tree_.AddTotal(Q("cpus:10;gpus:2"));
  Add("a");
  Add("b");
  Give("a", "cpus:1;gpus:2");
  Give("b", "cpus:2");
  EXPECT_EQ(Order(), (Roles{"a", "b"}));
}

// Many names inserted at one place use up the labels between two neighbours.
TEST_F(ShareTreeTest, KeepsNamesInOrderHoweverTheyCome) {
  tree_.AddTotal(Q("cpus:1"));
  Roles expected;
  std::string name = "m";
  for (int i = 0; i < 200; ++i) {
    Add(name);
    name = name.substr(0, name.size() - 1) + "la";  // Right before "m".
    Add("z" + std::to_string(i));
  }
  for (const auto& [role, client] : clients_) expected.push_back(role);
  EXPECT_EQ(Order(), expected);
}

TEST_F(ShareTreeTest, BeforeAgreesWithTheWalk) {
  tree_.AddTotal(Q("cpus:100"));
  SeededRandom random(7);
  for (const char* role : {"a", "a/b", "a/b/c", "d/e", "d", "f", "f/g/h", "f/g"}) {
    Add(role);
    Give(role, "cpus:" + std::to_string(1 + random.Below(5)));
  }
  const Roles order = Order();
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t j = 0; j < order.size(); ++j) {
      EXPECT_EQ(tree_.Before(clients_.at(order[i]), clients_.at(order[j])), i < j);
    }
  }
}

// The chance to be drawn first is a role's weight among its active siblings, times its parent's
// chance, and every client is drawn once (reference 3, "random").
TEST_F(ShareTreeTest, RandomOrderFollowsWeights) {
  tree_.SetWeight("a", 3.0);
  tree_.SetWeight("b/c", 4.0);
  for (const char* role : {"a", "b/c", "b/d", "e"}) Add(role);
  Add("b/sleeps", false);
  SeededRandom random(3);
  Candidates candidates(tree_, SorterPolicy::kRandom, SorterPolicy::kRandom);
  std::map<NodeHandle, double> first;
  std::map<NodeHandle, double> second;
  constexpr int kWalks = 50000;
  for (int i = 0; i < kWalks; ++i) {
    candidates.Start(random);
    std::vector<NodeHandle> seen;
    while (candidates.NextRole()) seen.push_back(candidates.NextClient());
    ASSERT_EQ(seen.size(), 4u);
    ++first[seen[0]];
    ++second[seen[1]];
  }
  EXPECT_NEAR(first[clients_["a"]] / kWalks, 0.6, 0.01);
  EXPECT_NEAR(first[clients_["b/c"]] / kWalks, 0.16, 0.01);
  EXPECT_NEAR(first[clients_["b/d"]] / kWalks, 0.04, 0.01);
  EXPECT_NEAR(first[clients_["e"]] / kWalks, 0.2, 0.01);
  // Without replacement: sum over the other firsts of p(other) * p(a) / (1 - p(other)).
  EXPECT_NEAR(second[clients_["a"]] / kWalks,
              0.16 * 0.6 / 0.84 + 0.04 * 0.6 / 0.96 + 0.2 * 0.6 / 0.8, 0.01);
}

// The fallback for when most draws would hit an already drawn role has the same chances.
TEST_F(ShareTreeTest, RandomOrderWithOneHeavyRole) {
  tree_.SetWeight("heavy", 1e6);
  for (const char* role : {"heavy", "x", "y"}) Add(role);
  SeededRandom random(3);
  Candidates candidates(tree_, SorterPolicy::kRandom, SorterPolicy::kDrf);
  int x_second = 0;
  for (int i = 0; i < 10000; ++i) {
    candidates.Start(random);
    std::vector<NodeHandle> seen;
    while (candidates.NextRole()) seen.push_back(candidates.NextClient());
    ASSERT_EQ(seen.size(), 3u);
    x_second += seen[1] == clients_["x"];
  }
  EXPECT_NEAR(x_second / 10000.0, 0.5, 0.03);
}

// Agents that lie may each have the largest amount that is accepted. Whatever they add up to,
// shares are right and what is given can be taken back.
TEST_F(ShareTreeTest, SumsBeyond64BitsAreExact) {
  constexpr int kAgents = 40'000;
  for (int i = 0; i < kAgents; ++i) tree_.AddTotal(Q("cpus:1e12;mem:1e12"));
  for (const char* role : {"a", "a/b", "c"}) Add(role);
  for (int i = 0; i < kAgents / 4; ++i) {
    Give("a", "cpus:1e12");
    tree_.AddUp(clients_["a/b"], R("mem:1e12"), 1);
    tree_.AddUp(clients_["c"], R("cpus:1e12;mem:0.5e12"), 1);
  }
  EXPECT_EQ(Order(), (Roles{"c", "a", "a/b"}));
  EXPECT_DOUBLE_EQ(tree_.Share(clients_["a/b"]), 0.25);
  EXPECT_TRUE(tree_.CheckInvariants());
  EXPECT_EQ(tree_.Held(tree_.root()).Get(ResourceNames::Cpus()),
            Amount::FromMilli(Amount::kMaxMilli) * (kAgents / 2));

  for (int i = 0; i < kAgents / 4; ++i) {
    TakeBack("a", "cpus:1e12");
    tree_.SubtractUp(clients_["a/b"], R("mem:1e12"));
    tree_.SubtractUp(clients_["c"], R("cpus:1e12;mem:0.5e12"));
  }
  for (int i = 0; i < kAgents; ++i) tree_.SubtractTotal(Q("cpus:1e12;mem:1e12"));
  EXPECT_TRUE(tree_.Held(tree_.root()).empty());
  EXPECT_TRUE(tree_.total().empty());
  EXPECT_TRUE(tree_.CheckInvariants());
}

// Random histories near the limits: every node counts what was given below it, and nothing else.
TEST_F(ShareTreeTest, RandomSumsNearTheLimitsAreExact) {
  const std::vector<std::string> roles = {"a", "a/b", "a/b/c", "d", "d/e"};
  for (const std::string& role : roles) Add(role);
  std::map<std::string, Quantities> held;
  std::map<std::string, std::vector<Resources>> given;
  SeededRandom random(11);
  for (int step = 0; step < 40'000; ++step) {
    const std::string& role = roles[random.Below(roles.size())];
    std::vector<Resources>& stack = given[role];
    if (!stack.empty() && random.Below(3) == 0) {
      tree_.SubtractUp(clients_[role], stack.back());
      held[role] -= stack.back().ScalarQuantities();
      tree_.SubtractTotal(stack.back().ScalarQuantities());
      stack.pop_back();
    } else {
      const std::string name = "name-" + std::to_string(random.Below(3));
      stack.push_back(R("cpus:1e12;mem:" + std::to_string(random.Below(1'000'000'000'000)) + ";" +
                        name + ":999999999999.999"));
      tree_.AddTotal(stack.back().ScalarQuantities());
      tree_.AddUp(clients_[role], stack.back(), 1);
      held[role] += stack.back().ScalarQuantities();
    }
  }
  Quantities all;
  for (const std::string& role : roles) {
    EXPECT_EQ(tree_.Held(clients_[role]), held[role]) << role;
    all += held[role];
  }
  EXPECT_EQ(tree_.Held(tree_.root()), all);
  EXPECT_EQ(tree_.total(), all);
  EXPECT_GT(all.Get(ResourceNames::Cpus()), Amount::FromMilli(INT64_MAX));
  tree_.Refresh();
  EXPECT_DOUBLE_EQ(tree_.Share(tree_.root()), 1);
  const Status kept = tree_.CheckInvariants();
  EXPECT_TRUE(kept) << kept.error().message;
}

}  // namespace
}  // namespace tepui::allocator
