// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tepui::storage {
namespace {

TEST(ZooKeeperLayout, PathsAreStable) {
  // Existing stores must be found.
  const ZooKeeperLayout layout("/tepui");
  EXPECT_EQ(ZooKeeperLayout::ShardOf("agents/a-S1"), 0x985u);
  EXPECT_EQ(layout.shard(0x985), "/tepui/log_replicas/store/shards/985");
  EXPECT_EQ(layout.shard(10), "/tepui/log_replicas/store/shards/00a");
  EXPECT_EQ(layout.value(10, "1-2-3"), "/tepui/log_replicas/store/shards/00a/1-2-3");
  EXPECT_EQ(layout.schema(), "/tepui/log_replicas/store/schema");
  EXPECT_EQ(layout.epoch(), "/tepui/log_replicas/store/epoch");
  EXPECT_EQ(layout.commit(), "/tepui/log_replicas/store/commit");
  EXPECT_EQ(layout.journal(), "/tepui/log_replicas/store/journal");
}

TEST(ZooKeeperLayout, NamesOfShards) {
  for (const size_t shard : {size_t{0}, size_t{10}, ZooKeeperLayout::kShards - 1}) {
    EXPECT_EQ(ZooKeeperLayout::ShardNamed(ZooKeeperLayout::NameOf(shard)), shard);
  }
  for (const char* name : {"", "0", "00", "0000", "1000", "00A", "00g", "-01", "0x1", " 01"}) {
    EXPECT_EQ(ZooKeeperLayout::ShardNamed(name), std::nullopt) << name;
  }
}

TEST(ZooKeeperLayout, AgentsAreSpreadOverTheShards) {
  std::vector<size_t> counts(ZooKeeperLayout::kShards);
  for (int i = 0; i < 50'000; ++i) {
    ++counts[ZooKeeperLayout::ShardOf("registry/agents/59d4b3e2-5e0a-4dd4-a1a5-5ba2e83f5d0f-S" +
                                      std::to_string(i))];
  }
  EXPECT_LE(*std::max_element(counts.begin(), counts.end()), 40u);  // 12 on average.
}

}  // namespace
}  // namespace tepui::storage
