// SPDX-License-Identifier: Apache-2.0
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

// A shard after some writes.
struct TouchedShard {
  packed::Entries entries;
  std::map<std::string, std::string> new_values;  // Values of nodes below the shard's, by name.
  std::vector<std::string> old_values;            // Names of nodes that are no longer needed.
};

// Combines waiting batches into one change of a store in ZooKeeper, in which each touched shard is
// written once. A batch whose shards together do not fit a packet is alone in its plan and has a
// journal: the change writes the journal, and ChangesOfJournal returns the changes that follow.
// Does no I/O. The index must know the shards of all keys and must not change while the plan is
// made.
class ZooKeeperPlan {
 public:
  // `name` must be unique among all changes of the store: nodes of values are named after it.
  ZooKeeperPlan(const ZooKeeperLayout& layout, const ZooKeeperIndex& index, std::string name)
      : layout_(layout), index_(index), name_(std::move(name)) {}

  // Appends a batch to the plan. Returns false, and leaves the plan unchanged, if it does not fit;
  // the first always fits. A batch that is refused changes nothing but statuses().
  bool Add(const Batch& batch);

  // One per batch.
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
  size_t values_ = 0;  // Number of nodes named so far.
  std::vector<Status> statuses_;
  Touched touched_;
  size_t wire_bytes_ = 0;  // Size of touched_ in a packet.
  std::optional<packed::Entries> journal_;
};

// Returns the changes that write a journal's entries into the shards and then remove the journal.
// They must be made in order. If a writer ends after some of them, the next writer makes all of
// them again. The index must know the shards.
std::vector<ZooKeeperIndex::Change> ChangesOfJournal(const packed::Entries& journal,
                                                     const ZooKeeperLayout& layout,
                                                     const ZooKeeperIndex& index);

}  // namespace tepui::storage
