// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "storage/store.h"
#include "storage/zookeeper/zookeeper_layout.h"
#include "tepui/packed.pb.h"
#include "zookeeper/session.h"

namespace tepui::storage {

// Reads a store in ZooKeeper as it was at one moment, although that takes many requests: if there
// was a commit meanwhile, it reads again. At most kMaxInFlight requests are in flight.
//
// Only one read can be in progress. Destroy the session before the reader, so that nothing calls
// back afterwards.
class ZooKeeperReader {
 public:
  static constexpr size_t kMaxInFlight = 512;
  static constexpr int kMaxAttempts = 5;

  struct Snapshot {
    zookeeper::Node commit;
    std::vector<Entry> entries;  // In the order of the keys' bytes.
    std::vector<std::pair<size_t, zookeeper::Node>> shards;
    std::vector<std::string> damage;   // A sentence for each node that cannot be read.
    std::vector<std::string> strange;  // Paths of nodes that belong to no entry.
  };
  using Done = std::move_only_function<void(Result<Snapshot>)>;

  ZooKeeperReader(zookeeper::Session& session, const ZooKeeperLayout& layout)
      : session_(session), layout_(layout) {}

  // Reads the entries whose keys begin with `prefix`. Searches for strange nodes below shards only
  // if `find_strange` is set, since that takes a request per shard.
  void Read(std::string prefix, bool find_strange, Done done);

 private:
  // A value that is not packed, and the entry of the snapshot that it belongs to.
  struct Value {
    size_t entry = 0;
    std::string path;
  };

  void Begin();
  void TakeJournal(const zookeeper::Node& node);
  void TakeList(const std::vector<std::string>& names);
  void ReadShard(size_t index);
  // Returns false if the shard is damaged.
  bool TakeShard(size_t shard, zookeeper::Node node);
  void ListShard(size_t shard);
  // Adds a packed entry of `shard` to the snapshot.
  void Note(const packed::Entry& entry, size_t shard);
  void Assemble();
  void ReadValue(size_t index);
  void Confirm();
  void End(Result<Snapshot> result);
  // Runs `read(index)` for each index below `count`, several at a time, and then `next`. Each read
  // ends with TakenOne.
  void ForEach(size_t count, void (ZooKeeperReader::*read)(size_t),
               void (ZooKeeperReader::*next)());
  void TakenOne();
  // Makes a callback of this attempt that passes the answer to `next`, or ends the read with the
  // failure.
  template <class T>
  zookeeper::Callback<T> Then(std::move_only_function<void(T)> next);
  // Like Then, but passes nullopt to `next` if the node does not exist.
  template <class T>
  zookeeper::Callback<T> ThenIfThere(std::move_only_function<void(std::optional<T>)> next);

  zookeeper::Session& session_;
  const ZooKeeperLayout& layout_;

  std::string prefix_;
  bool find_strange_ = false;
  Done done_;
  int attempts_ = 0;
  uint64_t read_ = 0;  // Counts attempts of all reads; late answers to earlier ones are dropped.

  // The state of ForEach.
  size_t count_ = 0;
  size_t begun_ = 0;
  size_t taken_ = 0;
  void (ZooKeeperReader::*each_)(size_t) = nullptr;
  void (ZooKeeperReader::*next_)() = nullptr;

  // The state of this attempt.
  struct State {
    Snapshot snapshot;
    bool changed = false;     // A listed shard did not exist.
    packed::Entries journal;  // Overrides the shards.
    std::vector<size_t> shards;
    std::vector<packed::Entry> packed;  // From the shards.
    std::vector<Value> values;
    std::set<std::string> named;     // Paths of values of some entry.
    std::vector<std::string> below;  // Paths of nodes below shards.
  };
  State state_;
};

}  // namespace tepui::storage
