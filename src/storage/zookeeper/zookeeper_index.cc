// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_index.h"

#include <cassert>
#include <utility>

namespace tepui::storage {

void ZooKeeperIndex::Clear() {
  shards_.assign(ZooKeeperLayout::kShards, std::nullopt);
  unknown_ = ZooKeeperLayout::kShards;
}

void ZooKeeperIndex::Learn(size_t shard, State state) {
  if (!Knows(shard)) --unknown_;
  shards_[shard] = std::move(state);
}

packed::Entries ZooKeeperIndex::Entries(size_t shard) const {
  packed::Entries entries;
  if (const State& known = state(shard)) {
    [[maybe_unused]] const bool parsed = entries.ParseFromString(known->data);
    assert(parsed);
  }
  return entries;
}

void ZooKeeperIndex::Apply(Change change) {
  for (auto& [shard, state] : change.shards) Learn(shard, std::move(state));
}

}  // namespace tepui::storage
