#include "storage/zookeeper_index.h"

#include <cassert>

#include "storage/versions.h"

namespace tepui::storage {
namespace {

int32_t NodeVersion(uint64_t store_version) {
  return static_cast<int32_t>(static_cast<uint32_t>(store_version - 1));
}

// What a key takes of the list of its bucket's children.
int64_t ListBytes(const std::string& key) {
  return static_cast<int64_t>(ZooKeeperLayout::NameOf(key).size()) + 4;
}

}  // namespace

void ZooKeeperIndex::Clear() {
  nodes_.clear();
  bucket_bytes_ = {};
}

void ZooKeeperIndex::Add(const std::string& key) {
  if (nodes_.try_emplace(key, std::nullopt).second) {
    bucket_bytes_[ZooKeeperLayout::BucketOf(key)] += ListBytes(key);
  }
}

void ZooKeeperIndex::Learn(const std::string& key, std::optional<int32_t> version) {
  if (version) {
    Add(key);
    nodes_[key] = version;
  } else if (nodes_.erase(key) != 0) {
    bucket_bytes_[ZooKeeperLayout::BucketOf(key)] -= ListBytes(key);
  }
}

bool ZooKeeperIndex::Knows(const std::string& key) const {
  const auto node = nodes_.find(key);
  return node == nodes_.end() || node->second.has_value();
}

std::optional<int32_t> ZooKeeperIndex::VersionOf(const std::string& key, const Plan& plan) const {
  if (const auto planned = plan.versions.find(key); planned != plan.versions.end()) {
    return planned->second;
  }
  const auto node = nodes_.find(key);
  if (node == nodes_.end()) return std::nullopt;
  assert(node->second.has_value());
  return node->second;
}

void ZooKeeperIndex::Add(const Batch& batch, Plan* plan) const {
  const Result<std::vector<uint64_t>> versions =
      PlanVersions(batch, [&](std::string_view key) -> Result<uint64_t> {
        const auto version = VersionOf(std::string(key), *plan);
        return version ? StoreVersion(*version) : 0;
      });
  Status status = versions ? CheckBuckets(batch, *plan) : Fail(versions.error());
  const bool refused = !status;
  plan->statuses.push_back(std::move(status));
  if (refused) return;
  for (size_t i = 0; i < batch.size(); ++i) {
    const Write& write = batch[i];
    const std::optional<int32_t> before = VersionOf(write.key, *plan);
    if (!before && !write.value) continue;  // Not there, and need not be.
    std::string path = layout_.PathOf(write.key);
    int64_t& growth = plan->growth[ZooKeeperLayout::BucketOf(write.key)];
    if (!write.value) {
      plan->operations.push_back(zookeeper::Operation::Delete(std::move(path), *before));
      plan->versions[write.key] = std::nullopt;
      growth -= ListBytes(write.key);
      continue;
    }
    if (before) {
      plan->operations.push_back(zookeeper::Operation::Set(std::move(path), *write.value, *before));
    } else {
      plan->operations.push_back(zookeeper::Operation::Create(std::move(path), *write.value));
      growth += ListBytes(write.key);
    }
    plan->versions[write.key] = NodeVersion((*versions)[i]);
  }
}

Status ZooKeeperIndex::CheckBuckets(const Batch& batch, const Plan& plan) const {
  auto bytes = bucket_bytes_;
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] += plan.growth[i];
  for (const Write& write : batch) {
    if (!write.value || VersionOf(write.key, plan)) continue;
    const size_t bucket = ZooKeeperLayout::BucketOf(write.key);
    bytes[bucket] += ListBytes(write.key);
    if (bytes[bucket] > static_cast<int64_t>(ZooKeeperLayout::kMaxBucketBytes)) {
      return Fail(Code::kTooLarge, "The store in ZooKeeper has no room for another key like '{}'",
                  write.key);
    }
  }
  return {};
}

void ZooKeeperIndex::Apply(const Plan& plan) {
  for (const auto& [key, version] : plan.versions) Learn(key, version);
}

}  // namespace tepui::storage
