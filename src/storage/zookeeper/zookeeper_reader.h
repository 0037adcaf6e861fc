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

// Reads a store in ZooKeeper as it was at one moment, though it takes many requests: if a commit
// came between, it reads again. Many requests are on their way at a time, at most kMaxInFlight.
//
// One read at a time. Destroy the session first: nothing calls back afterwards.
class ZooKeeperReader {
 public:
  static constexpr size_t kMaxInFlight = 512;
  static constexpr int kMaxAttempts = 5;

  struct Snapshot {
    zookeeper::Node commit;
    std::vector<Entry> entries;  // In the order of the keys' bytes.
    std::vector<std::pair<size_t, zookeeper::Node>> shards;
    std::vector<std::string> damage;   // A sentence for each node that cannot be read.
    std::vector<std::string> strange;  // Paths of nodes that hold nothing of an entry.
  };
  using Done = std::move_only_function<void(Result<Snapshot>)>;

  ZooKeeperReader(zookeeper::Session& session, const ZooKeeperLayout& layout)
      : session_(session), layout_(layout) {}

  // The entries whose keys begin with `prefix`. Strange nodes below shards are looked for only if
  // `find_strange`: that costs a request a shard.
  void Read(std::string prefix, bool find_strange, Done done);

 private:
  // A value that is not packed, and which entry of the snapshot waits for it.
  struct Value {
    size_t entry = 0;
    std::string path;
  };

  void Begin();
  void TakeJournal(const zookeeper::Node& node);
  void TakeList(const std::vector<std::string>& names);
  void ReadShard(size_t index);
  // False: it is damaged.
  bool TakeShard(size_t shard, zookeeper::Node node);
  void ListShard(size_t shard);
  // Of what is packed: `shard` is the entry's.
  void Note(const packed::Entry& entry, size_t shard);
  void Assemble();
  void ReadValue(size_t index);
  void Confirm();
  void End(Result<Snapshot> result);
  // Runs `read(index)` for each index below `count`, some at a time, each of which ends with
  // TakenOne, and then `next`.
  void ForEach(size_t count, void (ZooKeeperReader::*read)(size_t),
               void (ZooKeeperReader::*next)());
  void TakenOne();
  // A callback of this attempt: hands on what was answered, or ends the read with the failure.
  template <class T>
  zookeeper::Callback<T> Then(std::move_only_function<void(T)> next);
  // The same, but for a node that is not there nothing is handed on.
  template <class T>
  zookeeper::Callback<T> ThenIfThere(std::move_only_function<void(std::optional<T>)> next);

  zookeeper::Session& session_;
  const ZooKeeperLayout& layout_;

  std::string prefix_;
  bool find_strange_ = false;
  Done done_;
  int attempts_ = 0;
  uint64_t read_ = 0;  // Counts attempts of all reads: what comes late of earlier ones is dropped.

  // Of ForEach.
  size_t count_ = 0;
  size_t begun_ = 0;
  size_t taken_ = 0;
  void (ZooKeeperReader::*each_)(size_t) = nullptr;
  void (ZooKeeperReader::*next_)() = nullptr;

  // Of this attempt.
  struct State {
    Snapshot snapshot;
    bool changed = false;     // A shard that was listed was not there.
    packed::Entries journal;  // Goes before the shards.
    std::vector<size_t> shards;
    std::vector<packed::Entry> packed;  // Of the shards.
    std::vector<Value> values;
    std::set<std::string> named;     // Paths of values that some entry has.
    std::vector<std::string> below;  // Paths of what is below shards.
  };
  State state_;
};

}  // namespace tepui::storage
