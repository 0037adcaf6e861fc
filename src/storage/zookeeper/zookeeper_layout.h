// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tepui::storage {

// The nodes of a store in ZooKeeper (docs/storage.md), below <path>/log_replicas/store:
//   .                  created in one change, with schema, epoch, commit and shards
//   schema             the version of this format
//   epoch              the last writer that fenced it; its version is the epoch
//   commit             "EPOCH NUMBER" of the last commit
//   shards/XXX         the entries whose keys belong there; absent if there are none
//   shards/XXX/<name>  a value that is too large to be packed
//   journal            a batch being written into its shards; it overrides them
//
// <path> has the candidates of the election. Of the nodes beside them detectors know log_replicas
// only, where Mesos keeps its log, so any other would confuse some.
class ZooKeeperLayout {
 public:
  static constexpr int kSchema = 3;
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

  explicit ZooKeeperLayout(const std::string& path)
      : parent_(path + "/log_replicas"), root_(parent_ + "/store"), former_root_(path + "/store") {}

  const std::string& parent() const { return parent_; }
  const std::string& root() const { return root_; }
  // Where stores were up to schema 2.
  const std::string& former_root() const { return former_root_; }
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
  const std::string parent_;
  const std::string root_;
  const std::string former_root_;
};

}  // namespace tepui::storage
