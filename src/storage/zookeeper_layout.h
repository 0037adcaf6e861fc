#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/store.h"

namespace tepui::storage {

// Where a store keeps what in ZooKeeper (docs/storage.md):
//   <path>/store                     made whole, in one change
//   <path>/store/schema              the version of this format
//   <path>/store/epoch               who took over last; its version is the epoch
//   <path>/store/commit              "EPOCH NUMBER" of the last commit
//   <path>/store/entries/XX/<name>   the value of a key
// A key's name is the key with "/" as ":", and what ZooKeeper takes in no name, or means something
// here, as %XX. XX is its bucket: no list of children may become larger than a packet.
class ZooKeeperLayout {
 public:
  static constexpr int kSchema = 1;
  static constexpr size_t kBuckets = 256;
  // Below the 1 MB that a server takes (jute.maxbuffer); the requests around it need the rest.
  static constexpr size_t kMaxMultiBytes = 1'000'000;
  static constexpr size_t kMaxBucketBytes = 900'000;

  explicit ZooKeeperLayout(std::string path) : root_(std::move(path) + "/store") {}

  const std::string& root() const { return root_; }
  std::string schema() const { return root_ + "/schema"; }
  std::string epoch() const { return root_ + "/epoch"; }
  std::string commit() const { return root_ + "/commit"; }
  std::string entries() const { return root_ + "/entries"; }
  std::string bucket(size_t number) const;
  std::string PathOf(std::string_view key) const;

  static size_t BucketOf(std::string_view key);
  static std::string NameOf(std::string_view key);
  // Nothing if no key has this name.
  static std::optional<std::string> KeyOf(std::string_view name);

  // An upper bound of what the batch's operations take of a packet.
  size_t WireBytes(const Batch& batch) const;

 private:
  const std::string root_;
};

}  // namespace tepui::storage
