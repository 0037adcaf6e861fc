// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tepui::storage {

// The nodes of a store in ZooKeeper (docs/storage.md):
//   <path>/store                    created in one change, with schema, epoch, commit and shards
//   <path>/store/schema             the version of this format
//   <path>/store/epoch              the last writer that fenced it; its version is the epoch
//   <path>/store/commit             "EPOCH NUMBER" of the last commit
//   <path>/store/shards/XXX         the entries whose keys belong there; absent if there are none
//   <path>/store/shards/XXX/<name>  a value that is too large to be packed
//   <path>/store/journal            a batch being written into its shards; it overrides them
class ZooKeeperLayout {
 public:
  static constexpr int kSchema = 2;
  // For a server a request is expensive and a kilobyte is cheap. With 50,000 agents a shard holds a
  // dozen of them: few requests read all, and changing one writes a few kilobytes.
  static constexpr size_t kShards = 4096;
  // A larger value has a node of its own, so that changes of its neighbours stay small.
  static constexpr size_t kMaxPackedBytes = 4096;
  // Below the 1 MB that a server accepts (jute.maxbuffer); the rest is for the request around it.
  static constexpr size_t kMaxMultiBytes = 1'000'000;
  static constexpr size_t kMaxShardBytes = 900'000;
  // Batches are combined only up to this size, because a server keeps its last 500 requests in
  // memory.
  static constexpr size_t kMaxSharedBytes = 250'000;

  explicit ZooKeeperLayout(std::string path) : root_(std::move(path) + "/store") {}

  const std::string& root() const { return root_; }
  std::string schema() const { return root_ + "/schema"; }
  std::string epoch() const { return root_ + "/epoch"; }
  std::string commit() const { return root_ + "/commit"; }
  std::string journal() const { return root_ + "/journal"; }
  std::string shards() const { return root_ + "/shards"; }
  std::string shard(size_t number) const { return shards() + "/" + NameOf(number); }
  std::string value(size_t shard_number, std::string_view name) const;

  static size_t ShardOf(std::string_view key);
  static std::string NameOf(size_t shard);
  // Returns nothing if no shard has this name.
  static std::optional<size_t> ShardNamed(std::string_view name);

 private:
  const std::string root_;
};

}  // namespace tepui::storage
