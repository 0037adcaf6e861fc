// SPDX-License-Identifier: Apache-2.0
#include "sim/nodes/election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tepui::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using Words = std::vector<std::string>;

// Candidates "a", "b", ... and watchers, each a process on a host of the same name.
class ElectionTest : public testing::Test {
 protected:
  struct Node {
    std::unique_ptr<Process> process;
    Words heard;  // For example "elected 1", "lost", "leader a", "no leader".
  };

  Node& Boot(const Host& host) {
    Node& node = nodes_[host];
    node.process = std::make_unique<Process>(world_, host);
    node.heard.clear();
    return node;
  }

  Node& Stand(const Host& host) {
    Node& node = Boot(host);
    election_.Stand(
        host, *node.process,
        {.on_elected =
             [&](uint64_t epoch) { node.heard.push_back(fmt::format("elected {}", epoch)); },
         .on_lost =
             [&] {
               node.heard.push_back("lost");
               node.process->Kill();
             }});
    return node;
  }

  Node& Watch(const Host& host) {
    Node& node = Boot(host);
    election_.Watch(host, *node.process, [&](std::optional<Host> leader) {
      node.heard.push_back(leader ? "leader " + *leader : "no leader");
    });
    return node;
  }

  // Candidates come one after another, so that the first leads.
  void StandAll(const std::vector<Host>& hosts) {
    for (const Host& host : hosts) {
      Stand(host);
      Advance(seconds(1));
    }
  }

  void Isolate(const Host& host) {
    network_.Block(host, Election::kCoordination);
    network_.Block(Election::kCoordination, host);
  }

  void Heal(const Host& host) {
    network_.Unblock(host, Election::kCoordination);
    network_.Unblock(Election::kCoordination, host);
  }

  void Advance(Duration by) { world_.clock().Advance(by); }

  World world_{1, /*keep_trace=*/true};
  Network network_{world_, {}};
  Election election_{world_, network_};
  std::map<Host, Node> nodes_;
};

TEST_F(ElectionTest, TheFirstCandidateLeadsAndKeepsTheLead) {
  EXPECT_EQ(election_.leader(), std::nullopt);
  StandAll({"a", "b"});
  Advance(minutes(30));
  EXPECT_EQ(election_.leader(), "a");
  EXPECT_EQ(election_.epoch(), 1u);
  EXPECT_THAT(nodes_["a"].heard, ElementsAre("elected 1"));
  EXPECT_THAT(nodes_["b"].heard, IsEmpty());
}

TEST_F(ElectionTest, TheNextLeadsWhenTheSessionOfADeadLeaderIsOverAndTheEpochGrows) {
  StandAll({"a", "b", "c"});
  nodes_["a"].process->Kill();
  Advance(Election::kSessionTimeout - Election::kSessionTimeout / 3 - milliseconds(100));
  EXPECT_EQ(election_.leader(), "a");
  Advance(seconds(5));
  EXPECT_EQ(election_.leader(), "b");
  EXPECT_THAT(nodes_["b"].heard, ElementsAre("elected 2"));
  EXPECT_THAT(nodes_["c"].heard, IsEmpty());

  Stand("a");  // It is now the last candidate.
  Advance(seconds(1));
  nodes_["b"].process->Kill();
  Advance(seconds(15));
  EXPECT_EQ(election_.leader(), "c");
  EXPECT_EQ(election_.epoch(), 3u);
  EXPECT_THAT(nodes_["a"].heard, IsEmpty());
}

TEST_F(ElectionTest, APartitionedLeaderEndsBeforeAnotherIsElected) {
  for (const bool one_way : {false, true}) {
    StandAll({"a", "b"});
    Isolate("a");
    if (one_way) network_.Unblock("a", Election::kCoordination);  // Its renewals arrive.
    const size_t heard = nodes_["a"].heard.size();
    while (nodes_["a"].heard.size() == heard) ASSERT_TRUE(world_.clock().Step());
    EXPECT_EQ(nodes_["a"].heard.back(), "lost");
    EXPECT_EQ(election_.leader(), "a");
    Advance(seconds(11));
    EXPECT_EQ(election_.leader(), "b");
    if (!one_way) network_.Unblock("a", Election::kCoordination);
    network_.Unblock(Election::kCoordination, "a");
    nodes_["b"].process->Kill();
    Advance(seconds(11));
  }
  EXPECT_EQ(election_.epoch(), 4u);
}

TEST_F(ElectionTest, AShortPartitionEndsNoSession) {
  StandAll({"a", "b"});
  for (int i = 0; i < 20; ++i) {
    Isolate("a");
    Advance(seconds(4));
    Heal("a");
    Advance(seconds(10));
  }
  EXPECT_EQ(election_.leader(), "a");
  EXPECT_THAT(nodes_["a"].heard, ElementsAre("elected 1"));
}

TEST_F(ElectionTest, ResetsEndNoSession) {
  StandAll({"a", "b"});
  for (int i = 0; i < 200; ++i) {
    network_.Reset("a", Election::kCoordination);
    network_.Reset("b", Election::kCoordination);
    Advance(milliseconds(1700));
  }
  EXPECT_EQ(election_.leader(), "a");
  EXPECT_THAT(nodes_["a"].heard, ElementsAre("elected 1"));
  EXPECT_THAT(nodes_["b"].heard, IsEmpty());
}

TEST_F(ElectionTest, APausedLeaderIsDeposedAndLearnsItWhenItContinues) {
  StandAll({"a", "b"});
  nodes_["a"].process->Pause();
  Advance(seconds(30));
  EXPECT_EQ(election_.leader(), "b");
  EXPECT_EQ(election_.epoch(), 2u);
  EXPECT_THAT(nodes_["a"].heard, ElementsAre("elected 1"));
  nodes_["a"].process->Resume();
  Advance(seconds(1));
  EXPECT_THAT(nodes_["a"].heard, ElementsAre("elected 1", "lost"));
  EXPECT_THAT(nodes_["b"].heard, ElementsAre("elected 2"));
}

TEST_F(ElectionTest, WatchersLearnOfEachLeaderAndOfNone) {
  Watch("w");
  Advance(seconds(1));
  EXPECT_THAT(nodes_["w"].heard, ElementsAre("no leader"));
  StandAll({"a", "b"});
  EXPECT_THAT(nodes_["w"].heard, ElementsAre("no leader", "leader a"));
  nodes_["a"].process->Kill();
  Advance(seconds(15));
  nodes_["b"].process->Kill();
  Advance(seconds(15));
  EXPECT_THAT(nodes_["w"].heard, ElementsAre("no leader", "leader a", "leader b", "no leader"));
  Watch("late");
  Advance(seconds(1));
  EXPECT_THAT(nodes_["late"].heard, ElementsAre("no leader"));
}

TEST_F(ElectionTest, AWatcherOutOfReachKnowsNoLeaderUntilItIsBack) {
  StandAll({"a"});
  Watch("w");
  Advance(minutes(5));
  EXPECT_THAT(nodes_["w"].heard, ElementsAre("leader a"));
  Isolate("w");
  Advance(seconds(15));
  EXPECT_THAT(nodes_["w"].heard, ElementsAre("leader a", "no leader"));
  Advance(minutes(5));
  Heal("w");
  Advance(seconds(10));
  EXPECT_THAT(nodes_["w"].heard, ElementsAre("leader a", "no leader", "leader a"));
}

TEST_F(ElectionTest, AnEndedProcessIsNotNotifiedAndItsConnectionsClose) {
  StandAll({"a"});
  Watch("w");
  Advance(seconds(10));
  nodes_["w"].process->Kill();
  nodes_["a"].process->Kill();
  const Words heard = nodes_["w"].heard;
  Advance(minutes(1));
  EXPECT_EQ(nodes_["w"].heard, heard);
  EXPECT_EQ(network_.open_connections(), 0u);
}

TEST_F(ElectionTest, NothingPilesUpOverTime) {
  StandAll({"a", "b", "c"});
  Watch("w");
  Advance(minutes(60));
  // Each process has two connections, for its stream and for its renewals.
  EXPECT_EQ(network_.open_connections(), 8u);
}

}  // namespace
}  // namespace tepui::sim
