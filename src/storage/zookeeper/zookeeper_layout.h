#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tepui::storage {

// Where a store keeps what in ZooKeeper (docs/storage.md):
//   <path>/store                    made whole, in one change
//   <path>/store/schema             the version of this format
//   <path>/store/epoch              who took over last; its version is the epoch
//   <path>/store/commit             "EPOCH NUMBER" of the last commit
//   <path>/store/shards/XXX         the entries whose keys belong there; no node: none do
//   <path>/store/shards/XXX/<name>  a value that is too large to be packed
//   <path>/store/journal            a batch that is being written into its shards: goes before them
class ZooKeeperLayout {
 public:
  static constexpr int kSchema = 2;
  // A request costs a server much and a kilobyte little: with 50,000 agents a dozen to a shard, so
  // that all are read by few requests, and a change of one writes a few kilobytes.
  static constexpr size_t kShards = 4096;
  // A value of more bytes has a node of its own, so that a change of its neighbours stays small.
  static constexpr size_t kMaxPackedBytes = 4096;
  // Below the 1 MB that a server takes (jute.maxbuffer); the requests around it need the rest.
  static constexpr size_t kMaxMultiBytes = 1'000'000;
  static constexpr size_t kMaxShardBytes = 900'000;
  // Batches that go together make no larger request: a server keeps its last 500 in memory.
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
  // Nothing if no shard has this name.
  static std::optional<size_t> ShardNamed(std::string_view name);

 private:
  const std::string root_;
};

}  // namespace tepui::storage
