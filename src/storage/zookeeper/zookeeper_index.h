#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "storage/zookeeper/zookeeper_layout.h"
#include "tepui/packed.pb.h"
#include "zookeeper/answer.h"

namespace tepui::storage {

// What the one writer of a store in ZooKeeper knows of its shards: the bytes of those that it has
// read or written. Nobody else changes them while the writer's epoch lasts, so that it can tell
// beforehand what a batch will do, and rewrite a shard without reading it first: that would be one
// more round to the servers for most commits. The bytes are those of the registry, 13 MB for 50,000
// agents. Pure; one thread.
class ZooKeeperIndex {
 public:
  // Absent: there is no such node.
  using State = std::optional<zookeeper::Node>;
  // What is done together, in one multi, and what shards are afterwards.
  struct Change {
    std::vector<zookeeper::Operation> operations;
    std::map<size_t, State> shards;
  };

  void Clear();
  // What the shard is; its data was found to be entries.
  void Learn(size_t shard, State state);
  bool Knows(size_t shard) const { return shards_[shard].has_value(); }
  bool KnowsAll() const { return unknown_ == 0; }

  // Of a shard that is known.
  const State& state(size_t shard) const { return *shards_[shard]; }
  packed::Entries Entries(size_t shard) const;

  // The change was made.
  void Apply(Change change);

 private:
  std::vector<std::optional<State>> shards_{ZooKeeperLayout::kShards};
  size_t unknown_ = ZooKeeperLayout::kShards;
};

}  // namespace tepui::storage
