// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "storage/zookeeper/zookeeper_layout.h"
#include "tepui/packed.pb.h"
#include "zookeeper/answer.h"

namespace tepui::storage {

// What the only writer of a store in ZooKeeper knows of its shards: the bytes of those that it has
// read or written. No other process changes them during the writer's epoch. So the writer knows in
// advance what a batch will do, and can rewrite a shard without reading it first, which saves most
// commits a round trip to the servers. The size is that of the registry, 13 MB for 50,000 agents.
// Does no I/O; single-threaded.
class ZooKeeperIndex {
 public:
  // Absent: the node does not exist.
  using State = std::optional<zookeeper::Node>;
  // The operations of one multi, and the shards' states after it.
  struct Change {
    std::vector<zookeeper::Operation> operations;
    std::map<size_t, State> shards;
  };

  void Clear();
  // Sets the state of a shard. Its data must have been checked to contain entries.
  void Learn(size_t shard, State state);
  bool Knows(size_t shard) const { return shards_[shard].has_value(); }
  bool KnowsAll() const { return unknown_ == 0; }

  // The shard must be known.
  const State& state(size_t shard) const { return *shards_[shard]; }
  packed::Entries Entries(size_t shard) const;

  // To be called when the change was made.
  void Apply(Change change);

 private:
  std::vector<std::optional<State>> shards_{ZooKeeperLayout::kShards};
  size_t unknown_ = ZooKeeperLayout::kShards;
};

}  // namespace tepui::storage
