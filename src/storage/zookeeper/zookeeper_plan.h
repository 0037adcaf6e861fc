#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "storage/store.h"
#include "storage/zookeeper/zookeeper_index.h"
#include "storage/zookeeper/zookeeper_layout.h"
#include "tepui/packed.pb.h"

namespace tepui::storage {

// A shard as some writes leave it.
struct TouchedShard {
  packed::Entries entries;
  std::map<std::string, std::string> new_values;  // Of nodes below the shard's, by name.
  std::vector<std::string> old_values;            // Names of nodes that are no more needed.
};

// What batches that wait will do to a store in ZooKeeper, as one change of it: each touched shard
// is written once. A batch whose shards together are more than a packet takes is alone in its plan,
// and has a journal: the change writes that, and ChangesOfJournal what comes after it. Pure; the
// index knows the shards of all keys and stays as it is while the plan is made.
class ZooKeeperPlan {
 public:
  // `name` is of this change alone, among all of the store: nodes of values are named after it.
  ZooKeeperPlan(const ZooKeeperLayout& layout, const ZooKeeperIndex& index, std::string name)
      : layout_(layout), index_(index), name_(std::move(name)) {}

  // Behind those that the plan has. False: it does not fit, and the plan is as it was; the first
  // always fits. One that is refused changes nothing.
  bool Add(const Batch& batch);

  // One a batch.
  const std::vector<Status>& statuses() const { return statuses_; }
  const std::optional<packed::Entries>& journal() const { return journal_; }
  ZooKeeperIndex::Change ToChange() const;

 private:
  using Touched = std::map<size_t, TouchedShard>;

  TouchedShard& Touch(const std::string& key, Touched* touched) const;
  Status CheckShards(const Batch& batch, const Touched& touched) const;
  packed::Entry Pack(const Write& write, uint64_t version, TouchedShard* shard);
  void Journal(const Batch& batch);
  ZooKeeperIndex::Change JournalChange() const;

  const ZooKeeperLayout& layout_;
  const ZooKeeperIndex& index_;
  const std::string name_;
  size_t values_ = 0;  // Nodes that were named.
  std::vector<Status> statuses_;
  Touched touched_;
  size_t wire_bytes_ = 0;  // Of touched_.
  std::optional<packed::Entries> journal_;
};

// What brings a journal's entries into the shards, and then removes it. Each is done behind the one
// before it; done in part by a writer that ended, it is done again by the next. The index knows the
// shards.
std::vector<ZooKeeperIndex::Change> ChangesOfJournal(const packed::Entries& journal,
                                                     const ZooKeeperLayout& layout,
                                                     const ZooKeeperIndex& index);

}  // namespace tepui::storage
