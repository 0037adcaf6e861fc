#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "storage/store.h"
#include "storage/zookeeper_layout.h"
#include "zookeeper/answer.h"

namespace tepui::storage {

// What the one writer of a store in ZooKeeper knows of its nodes: which keys there are and, as far
// as it has seen them, in which version. Nobody else changes them while the writer's epoch lasts,
// so that it can tell beforehand what a batch will do. Pure; one thread.
class ZooKeeperIndex {
 public:
  // What some batches will do to the nodes, as operations of one multi.
  struct Plan {
    std::vector<zookeeper::Operation> operations;
    std::vector<Status> statuses;  // One a batch; one that is refused has no operations.

   private:
    friend class ZooKeeperIndex;
    std::unordered_map<std::string, std::optional<int32_t>> versions;  // Absent: removed.
    std::array<int64_t, ZooKeeperLayout::kBuckets> growth = {};
  };

  explicit ZooKeeperIndex(const ZooKeeperLayout& layout) : layout_(layout) {}

  void Clear();
  // A key that is there.
  void Add(const std::string& key);
  // The version of its node; absent: it is not there.
  void Learn(const std::string& key, std::optional<int32_t> version);
  // Whether it is known in which version the key is there, or that it is not.
  bool Knows(const std::string& key) const;
  size_t size() const { return nodes_.size(); }

  // Adds the batch behind those that the plan has. Every key of it is known.
  void Add(const Batch& batch, Plan* plan) const;
  // The plan was done.
  void Apply(const Plan& plan);

 private:
  std::optional<int32_t> VersionOf(const std::string& key, const Plan& plan) const;
  Status CheckBuckets(const Batch& batch, const Plan& plan) const;

  const ZooKeeperLayout& layout_;
  std::unordered_map<std::string, std::optional<int32_t>> nodes_;  // Absent: not yet known.
  std::array<int64_t, ZooKeeperLayout::kBuckets> bucket_bytes_ = {};
};

// Versions of nodes begin with 0 and, after some years of writing without a pause, wrap.
inline uint64_t StoreVersion(int32_t node_version) {
  return uint64_t{static_cast<uint32_t>(node_version)} + 1;
}

}  // namespace tepui::storage
