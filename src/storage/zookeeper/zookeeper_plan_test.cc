// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/limits.h"
#include "storage/store_fixture.h"
#include "storage/zookeeper/zookeeper_packing.h"

namespace tepui::storage {
namespace {

using zookeeper::Operation;
using Kind = Operation::Kind;

class ZooKeeperPlanTest : public testing::Test {
 protected:
  ZooKeeperPlanTest() {
    for (size_t shard = 0; shard < ZooKeeperLayout::kShards; ++shard) {
      index_.Learn(shard, std::nullopt);
    }
  }

  ZooKeeperPlan Begin() { return {layout_, index_, fmt::format("1-{}", ++plans_)}; }
  // Plans the batch and makes its changes, including those of its journal, in the index and in
  // nodes_.
  void Do(const Batch& batch) {
    ZooKeeperPlan plan = Begin();
    ASSERT_TRUE(plan.Add(batch));
    ASSERT_TRUE(plan.statuses().front()) << plan.statuses().front().error().message;
    Make(plan.ToChange());
    if (!plan.journal()) return;
    for (auto& change : ChangesOfJournal(*plan.journal(), layout_, index_)) {
      Make(std::move(change));
    }
  }
  void Make(ZooKeeperIndex::Change change) {
    size_t bytes = 0;
    for (const Operation& operation : change.operations) {
      bytes += 100 + operation.path.size() + operation.data.size();
      MakeOnServer(operation);
    }
    EXPECT_LE(bytes, ZooKeeperLayout::kMaxMultiBytes + 1'000);
    index_.Apply(std::move(change));
    // The writer's index matches the servers.
    for (size_t shard = 0; shard < ZooKeeperLayout::kShards; ++shard) {
      const auto node = nodes_.find(layout_.shard(shard));
      ASSERT_EQ(index_.state(shard).has_value(), node != nodes_.end());
      if (node == nodes_.end()) continue;
      ASSERT_EQ(index_.state(shard)->data, node->second.data);
      ASSERT_EQ(index_.state(shard)->stat.version, node->second.stat.version);
    }
  }
  // Applies an operation by the rules of ZooKeeper.
  void MakeOnServer(const Operation& operation) {
    SCOPED_TRACE(operation.path);
    const std::string parent = operation.path.substr(0, operation.path.rfind('/'));
    if (operation.kind == Kind::kCreate) {
      ASSERT_TRUE(parent == layout_.shards() || parent == layout_.root() ||
                  nodes_.contains(parent));
      ASSERT_TRUE(nodes_.emplace(operation.path, zookeeper::Node{operation.data, {}}).second);
      return;
    }
    ASSERT_TRUE(nodes_.contains(operation.path));
    zookeeper::Node& node = nodes_[operation.path];
    ASSERT_TRUE(operation.version == zookeeper::kAnyVersion ||
                operation.version == node.stat.version);
    if (operation.kind == Kind::kSet) {
      node.data = operation.data;
      ++node.stat.version;
      return;
    }
    ASSERT_EQ(operation.kind, Kind::kDelete);
    const auto below = nodes_.lower_bound(operation.path + "/");
    ASSERT_TRUE(below == nodes_.end() || !below->first.starts_with(operation.path + "/"));
    nodes_.erase(operation.path);
  }
  const packed::Entry* Entry(const std::string& key) {
    entries_ = index_.Entries(ZooKeeperLayout::ShardOf(key));
    return FindEntry(entries_, key);
  }
  std::string Path(const std::string& key) { return layout_.shard(ZooKeeperLayout::ShardOf(key)); }

  const ZooKeeperLayout layout_{"/p"};
  ZooKeeperIndex index_;
  std::map<std::string, zookeeper::Node> nodes_;  // The nodes on the servers.
  int plans_ = 0;
  packed::Entries entries_;
};

TEST(ZooKeeperIndexTest, KnowsAllOnceEachShardWasLearned) {
  ZooKeeperIndex index;
  for (size_t shard = 0; shard < ZooKeeperLayout::kShards; ++shard) {
    EXPECT_FALSE(index.KnowsAll());
    index.Learn(shard, std::nullopt);
    index.Learn(shard, zookeeper::Node{});
  }
  EXPECT_TRUE(index.KnowsAll());
  index.Apply({.operations = {}, .shards = {{7, std::nullopt}}});
  EXPECT_TRUE(index.KnowsAll());
  index.Clear();
  EXPECT_FALSE(index.KnowsAll());
}

const std::string kLarge(ZooKeeperLayout::kMaxPackedBytes + 1, 'l');

TEST_F(ZooKeeperPlanTest, BatchesOfAPlanSeeThoseBefore) {
  ZooKeeperPlan plan = Begin();
  EXPECT_TRUE(plan.Add({{"a", "1", 0}, {"b", "1", std::nullopt}}));
  EXPECT_TRUE(plan.Add({{"b", "x", std::nullopt}, {"a", "2", 5}}));  // Refused as a whole.
  EXPECT_TRUE(plan.Add({{"a", "2", 1}, {"a", "3", 2}}));
  EXPECT_TRUE(plan.Add({{"b", std::nullopt, 1}, {"c", std::nullopt, std::nullopt}}));
  EXPECT_TRUE(plan.Add({{"b", "2", 0}}));
  ASSERT_EQ(plan.statuses().size(), 5u);
  EXPECT_TRUE(plan.statuses()[0] && plan.statuses()[2] && plan.statuses()[3] && plan.statuses()[4]);
  EXPECT_EQ(plan.statuses()[1].error().code, Code::kConflict);

  // Each shard is written once; a shard without entries is not written.
  const ZooKeeperIndex::Change change = plan.ToChange();
  ASSERT_EQ(change.operations.size(), 2u);
  for (const Operation& operation : change.operations) EXPECT_EQ(operation.kind, Kind::kCreate);
  EXPECT_EQ(Entry("a"), nullptr);  // Nothing is done yet.
  Make(change);
  EXPECT_EQ(Entry("a")->version(), 3u);
  EXPECT_EQ(Entry("a")->value(), "3");
  EXPECT_EQ(Entry("b")->version(), 1u);
}

TEST_F(ZooKeeperPlanTest, AShardIsMadeSetAndRemoved) {
  Do({{"k", "1", std::nullopt}});
  EXPECT_EQ(nodes_.at(Path("k")).stat.version, 0);
  Do({{"k", "2", std::nullopt}});
  EXPECT_EQ(nodes_.at(Path("k")).stat.version, 1);
  ZooKeeperPlan nothing = Begin();
  EXPECT_TRUE(nothing.Add({{"none", std::nullopt, std::nullopt}}));
  EXPECT_TRUE(nothing.ToChange().operations.empty());
  Do({{"k", std::nullopt, std::nullopt}});
  EXPECT_TRUE(nodes_.empty());
  Do({{"k", "3", 0}});
  EXPECT_EQ(Entry("k")->version(), 1u);
}

TEST_F(ZooKeeperPlanTest, LargeValuesHaveNodes) {
  Do({{"k", kLarge, std::nullopt}});
  EXPECT_EQ(nodes_.at(Path("k") + "/1-1-0").data, kLarge);
  Do({{"k", kLarge + "2", std::nullopt}});
  EXPECT_FALSE(nodes_.contains(Path("k") + "/1-1-0"));
  EXPECT_EQ(nodes_.at(Path("k") + "/1-2-0").data, kLarge + "2");
  // Nodes that would never be read are not created.
  ZooKeeperPlan plan = Begin();
  EXPECT_TRUE(plan.Add({{"k", kLarge, std::nullopt}, {"k", kLarge, std::nullopt}}));
  EXPECT_TRUE(plan.Add({{"k", "small", std::nullopt}}));
  EXPECT_EQ(plan.ToChange().operations.size(), 2u);  // The shard, and the removal of the old value.
  Make(plan.ToChange());
  EXPECT_EQ(nodes_.size(), 1u);
  Do({{"k", kLarge, std::nullopt}, {"k", std::nullopt, std::nullopt}});
  EXPECT_TRUE(nodes_.empty());
}

TEST_F(ZooKeeperPlanTest, VersionsOfNodesWrap) {
  Do({{"k", "v", 0}});
  zookeeper::Node node = *index_.state(ZooKeeperLayout::ShardOf("k"));
  node.stat.version = 2'147'483'647;
  index_.Learn(ZooKeeperLayout::ShardOf("k"), node);
  ZooKeeperPlan plan = Begin();
  EXPECT_TRUE(plan.Add({{"k", "w", 1}}));
  const ZooKeeperIndex::Change change = plan.ToChange();
  EXPECT_EQ(change.operations[0].version, 2'147'483'647);
  index_.Apply(change);
  EXPECT_EQ(index_.state(ZooKeeperLayout::ShardOf("k"))->stat.version, -2'147'483'648);
}

TEST_F(ZooKeeperPlanTest, AShardStaysBelowAPacket) {
  std::vector<std::string> keys;
  for (int i = 0; keys.size() < 400; ++i) {
    std::string key = std::to_string(i);
    if (ZooKeeperLayout::ShardOf(key) == 7) keys.push_back(std::move(key));
  }
  const std::string value(ZooKeeperLayout::kMaxPackedBytes, 'v');
  const size_t fit = ZooKeeperLayout::kMaxShardBytes / (ZooKeeperLayout::kMaxPackedBytes + 20);
  for (size_t i = 0; i < fit; ++i) Do({{keys[i], value, std::nullopt}});
  const auto before = nodes_;
  ZooKeeperPlan plan = Begin();
  EXPECT_TRUE(plan.Add({{"another", "1", std::nullopt},
                        {keys[fit], value, std::nullopt},
                        {keys[fit + 1], value, std::nullopt}}));
  ASSERT_FALSE(plan.statuses()[0]);
  EXPECT_EQ(plan.statuses()[0].error().code, Code::kTooLarge);
  EXPECT_NE(plan.statuses()[0].error().message.find(
                "shard '/p/log_replicas/store/shards/007' would have"),
            std::string::npos)
      << plan.statuses()[0].error().message;
  EXPECT_TRUE(plan.ToChange().operations.empty());
  // A large value takes little room in the shard; existing keys can be written, and new ones can
  // replace removed ones.
  Do({{keys[fit], kLarge, std::nullopt}});
  Do({{keys[0], value, std::nullopt}, {"another", "", std::nullopt}});
  Do({{keys[0], std::nullopt, std::nullopt}, {keys[fit + 1], value, std::nullopt}});
}

TEST_F(ZooKeeperPlanTest, BatchesGoTogetherAsFarAsTheyFit) {
  ZooKeeperPlan plan = Begin();
  size_t count = 0;
  while (plan.Add({{fmt::format("k{}", count), std::string(1'000, 'v'), std::nullopt}})) ++count;
  EXPECT_GT(count, 150u);
  EXPECT_LT(count, 250u);
  EXPECT_EQ(plan.statuses().size(), count);
  EXPECT_FALSE(plan.journal());
  Make(plan.ToChange());
  EXPECT_EQ(Entry("k0")->version(), 1u);
}

TEST_F(ZooKeeperPlanTest, EveryBatchWithinTheLimitsIsTaken) {
  // Fills a store with many agents.
  for (int i = 0; i < 50'000; i += 500) {
    Batch batch;
    for (int j = i; j < i + 500; ++j) {
      batch.push_back(Put(fmt::format("agents/{}", j), std::string(250, 'v')));
    }
    Do(batch);
  }
  Batch tiny;
  while (SizeOf(tiny) + Store::kWriteBytes + 10 <= Store::kMaxBatchBytes) {
    tiny.push_back(Put(fmt::format("t{}", tiny.size()), ""));
  }
  Do(tiny);
  EXPECT_EQ(Entry("t0")->version(), 1u);
  Batch keys;
  while (SizeOf(keys) + Store::kWriteBytes + Store::kMaxKeyBytes <= Store::kMaxBatchBytes) {
    std::string key = std::to_string(keys.size()) + "/";
    key.resize(Store::kMaxKeyBytes, '\x01');
    keys.push_back(Put(std::move(key), ""));
  }
  Do(keys);
  Batch large;
  while (SizeOf(large) + Store::kWriteBytes + 10 + kLarge.size() <= Store::kMaxBatchBytes) {
    large.push_back(Put(fmt::format("l{}", large.size()), kLarge));
  }
  Do(large);
  // Again, when each value displaces another; then everything is removed.
  Do(large);
  for (Batch* batch : {&tiny, &keys, &large}) {
    for (Write& write : *batch) write.value.reset();
    Do(*batch);
  }
  EXPECT_EQ(Entry("t0"), nullptr);
  EXPECT_EQ(Entry("l0"), nullptr);
}

TEST_F(ZooKeeperPlanTest, AJournalIsFinishedFromWhereItWasLeft) {
  for (int round = 0; round < 12; ++round) {
    Batch batch;
    for (int i = 0; i < 1'000; ++i) {
      batch.push_back(Put(fmt::format("{}/{}", i, round), std::string(480, 'v')));
    }
    Do(batch);
  }
  Do({{"0", kLarge, std::nullopt}, {"1", kLarge, std::nullopt}});
  Batch batch = {{"0", kLarge + "2", std::nullopt}, {"1", std::nullopt, std::nullopt}};
  for (int i = 2; i < 1'500; ++i) batch.push_back(Put(fmt::format("{}", i), ""));
  ZooKeeperPlan plan = Begin();
  ASSERT_TRUE(plan.Add(batch));
  EXPECT_FALSE(plan.Add({{"alone", "", std::nullopt}}));
  ASSERT_TRUE(plan.journal());
  EXPECT_EQ(plan.journal()->entries_size(), 1'500);
  Make(plan.ToChange());
  ASSERT_TRUE(nodes_.contains(layout_.journal()));
  auto changes = ChangesOfJournal(*plan.journal(), layout_, index_);
  ASSERT_GE(changes.size(), 2u);
  Make(std::move(changes.front()));
  // Another writer takes over with what is on the servers.
  const auto journal = UnpackJournal(nodes_.at(layout_.journal()).data);
  ASSERT_TRUE(journal) << journal.error().message;
  for (auto& change : ChangesOfJournal(*journal, layout_, index_)) Make(std::move(change));
  EXPECT_FALSE(nodes_.contains(layout_.journal()));
  EXPECT_EQ(Entry("1"), nullptr);
  EXPECT_EQ(Entry("1499")->version(), 1u);
  const std::string node = Entry("0")->node();
  EXPECT_EQ(nodes_.at(Path("0") + "/" + node).data, kLarge + "2");
  size_t values = 0;
  for (const auto& [path, data] : nodes_) {
    if (path.find('-') != std::string::npos) ++values;
  }
  EXPECT_EQ(values, 1u);
}

}  // namespace
}  // namespace tepui::storage
