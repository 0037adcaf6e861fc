// SPDX-License-Identifier: Apache-2.0
#include "storage/zookeeper/zookeeper_plan.h"

#include <fmt/format.h>

#include <string_view>

#include "storage/versions.h"
#include "storage/zookeeper/zookeeper_packing.h"

namespace tepui::storage {
namespace {

using zookeeper::Node;
using zookeeper::Operation;

// Type, lengths, version and ACL around an operation's path and data.
constexpr size_t kOperationBytes = 100;

// Returns an upper bound for the size of the shard's operations in a packet.
size_t WireBytes(const ZooKeeperLayout& layout, const TouchedShard& shard) {
  const size_t path = kOperationBytes + layout.shards().size() + std::string_view("/000/").size();
  size_t bytes = path + shard.entries.ByteSizeLong();
  for (const auto& [name, value] : shard.new_values) bytes += path + name.size() + value.size();
  for (const std::string& name : shard.old_values) bytes += path + name.size();
  return bytes;
}

// Adds the operations that write the shard's new state.
void Rewrite(const ZooKeeperLayout& layout, size_t number, const TouchedShard& shard,
             const ZooKeeperIndex::State& state, ZooKeeperIndex::Change* change) {
  Node node{.data = shard.entries.SerializeAsString(), .stat = {}};
  const bool empty = shard.entries.entries().empty();
  if (!empty && !state) {
    change->operations.push_back(Operation::Create(layout.shard(number), node.data));
  } else if (!empty && node.data != state->data) {
    change->operations.push_back(
        Operation::Set(layout.shard(number), node.data, state->stat.version));
    // Versions of nodes wrap after some years of writing without a pause.
    node.stat.version = static_cast<int32_t>(static_cast<uint32_t>(state->stat.version) + 1);
  } else if (!empty) {
    node.stat = state->stat;
  }
  for (const auto& [name, value] : shard.new_values) {
    change->operations.push_back(Operation::Create(layout.value(number, name), value));
  }
  for (const std::string& name : shard.old_values) {
    change->operations.push_back(Operation::Delete(layout.value(number, name)));
  }
  if (empty && state) {
    change->operations.push_back(Operation::Delete(layout.shard(number), state->stat.version));
  }
  change->shards[number] = empty ? std::nullopt : std::optional(std::move(node));
}

}  // namespace

TouchedShard& ZooKeeperPlan::Touch(const std::string& key, Touched* touched) const {
  const size_t number = ZooKeeperLayout::ShardOf(key);
  const auto [shard, added] = touched->try_emplace(number);
  if (added) {
    if (const auto before = touched_.find(number); before != touched_.end()) {
      shard->second = before->second;
    } else {
      shard->second.entries = index_.Entries(number);
    }
  }
  return shard->second;
}

packed::Entry ZooKeeperPlan::Pack(const Write& write, uint64_t version, TouchedShard* shard) {
  packed::Entry entry;
  entry.set_key(write.key);
  entry.set_version(version);
  if (!write.value) return entry;
  if (write.value->size() <= ZooKeeperLayout::kMaxPackedBytes) {
    entry.set_value(*write.value);
  } else {
    entry.set_node(fmt::format("{}-{}", name_, values_++));
    shard->new_values.emplace(entry.node(), *write.value);
  }
  return entry;
}

bool ZooKeeperPlan::Add(const Batch& batch) {
  if (journal_) return false;
  Touched touched;
  for (const Write& write : batch) Touch(write.key, &touched);
  const Result<std::vector<uint64_t>> versions =
      PlanVersions(batch, [&](std::string_view key) -> Result<uint64_t> {
        const auto& shard = touched.at(ZooKeeperLayout::ShardOf(key));
        const packed::Entry* const entry = FindEntry(shard.entries, key);
        return entry == nullptr ? 0 : entry->version();
      });
  Status status = versions ? Status() : Fail(versions.error());
  for (size_t i = 0; status && i < batch.size(); ++i) {
    TouchedShard& shard = Touch(batch[i].key, &touched);
    const std::string displaced = PutEntry(Pack(batch[i], (*versions)[i], &shard), &shard.entries);
    if (!displaced.empty() && shard.new_values.erase(displaced) == 0) {
      shard.old_values.push_back(displaced);
    }
  }
  if (status) status = CheckShards(batch, touched);
  if (!status) {
    statuses_.push_back(std::move(status));
    return true;
  }
  size_t wire_bytes = wire_bytes_;
  for (const auto& [number, shard] : touched) {
    wire_bytes += WireBytes(layout_, shard);
    const auto before = touched_.find(number);
    if (before != touched_.end()) wire_bytes -= WireBytes(layout_, before->second);
  }
  if (!touched_.empty() && wire_bytes > ZooKeeperLayout::kMaxSharedBytes) return false;
  const bool fits = wire_bytes <= ZooKeeperLayout::kMaxMultiBytes;
  statuses_.emplace_back();
  wire_bytes_ = wire_bytes;
  for (auto& [number, shard] : touched) touched_[number] = std::move(shard);
  if (!fits) Journal(batch);
  return true;
}

Status ZooKeeperPlan::CheckShards(const Batch& batch, const Touched& touched) const {
  for (const Write& write : batch) {
    const size_t number = ZooKeeperLayout::ShardOf(write.key);
    const size_t bytes = touched.at(number).entries.ByteSizeLong();
    if (bytes > ZooKeeperLayout::kMaxShardBytes) {
      return Fail(Code::kTooLarge,
                  "The store in ZooKeeper has no room for '{}': its shard '{}' would have {} "
                  "bytes, and may have {}",
                  write.key, layout_.shard(number), bytes, ZooKeeperLayout::kMaxShardBytes);
    }
  }
  return {};
}

void ZooKeeperPlan::Journal(const Batch& batch) {
  std::map<std::string_view, packed::Entry> last;
  for (const Write& write : batch) {
    const auto& shard = touched_.at(ZooKeeperLayout::ShardOf(write.key));
    const packed::Entry* const entry = FindEntry(shard.entries, write.key);
    packed::Entry& in_journal = last[write.key];
    if (entry != nullptr) {
      in_journal = *entry;
    } else {
      in_journal.set_key(write.key);
      in_journal.set_version(0);
    }
  }
  journal_.emplace();
  for (auto& [key, entry] : last) *journal_->add_entries() = std::move(entry);
}

ZooKeeperIndex::Change ZooKeeperPlan::ToChange() const {
  if (journal_) return JournalChange();
  ZooKeeperIndex::Change change;
  for (const auto& [number, shard] : touched_) {
    Rewrite(layout_, number, shard, index_.state(number), &change);
  }
  return change;
}

ZooKeeperIndex::Change ZooKeeperPlan::JournalChange() const {
  ZooKeeperIndex::Change change;
  for (const auto& [number, shard] : touched_) {
    // Values need a parent node.
    if (!shard.new_values.empty() && !index_.state(number)) {
      change.operations.push_back(Operation::Create(layout_.shard(number), ""));
      change.shards[number] = Node{};
    }
    for (const auto& [name, value] : shard.new_values) {
      change.operations.push_back(Operation::Create(layout_.value(number, name), value));
    }
  }
  change.operations.push_back(Operation::Create(layout_.journal(), journal_->SerializeAsString()));
  return change;
}

std::vector<ZooKeeperIndex::Change> ChangesOfJournal(const packed::Entries& journal,
                                                     const ZooKeeperLayout& layout,
                                                     const ZooKeeperIndex& index) {
  std::map<size_t, TouchedShard> touched;
  for (const packed::Entry& entry : journal.entries()) {
    const size_t number = ZooKeeperLayout::ShardOf(entry.key());
    const auto [shard, added] = touched.try_emplace(number);
    if (added) shard->second.entries = index.Entries(number);
    std::string displaced = PutEntry(entry, &shard->second.entries);
    if (!displaced.empty()) shard->second.old_values.push_back(std::move(displaced));
  }
  std::vector<ZooKeeperIndex::Change> changes(1);
  size_t wire_bytes = 0;
  for (const auto& [number, shard] : touched) {
    const size_t bytes = WireBytes(layout, shard);
    if (wire_bytes > 0 && wire_bytes + bytes > ZooKeeperLayout::kMaxMultiBytes) {
      changes.emplace_back();
      wire_bytes = 0;
    }
    wire_bytes += bytes;
    Rewrite(layout, number, shard, index.state(number), &changes.back());
  }
  changes.back().operations.push_back(Operation::Delete(layout.journal()));
  return changes;
}

}  // namespace tepui::storage
