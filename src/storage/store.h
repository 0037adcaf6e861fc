#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace tepui::storage {

// A key as it is stored. `version` is 1 when the key is made and one more with each write; a key
// that was removed and made again starts anew.
struct Entry {
  std::string key;
  std::string value;
  uint64_t version = 0;

  friend bool operator==(const Entry&, const Entry&) = default;
};

// One change of a batch.
struct Write {
  std::string key;
  std::optional<std::string>
      value;  // Absent: the key is removed; one that is not there is no error.
  // The batch fails with kConflict unless the key has this version now; 0: it must not be there.
  std::optional<uint64_t> expected = std::nullopt;
};
using Batch = std::vector<Write>;

// What must survive: ordered keys, changed by atomic batches (reference 4; idea 5 of
// docs/architecture.md). In memory, in SQLite on one machine, in ZooKeeper on several.
//
// All calls and callbacks on the owner's thread; a callback runs once, never from inside the call,
// and not after the store is destroyed. Batches commit in the order of the calls. Those that wait
// while one is being written are written together in the next (group commit): the cost of a disk's
// flush is shared. At most kMaxWaiting batches wait; beyond it Commit fails with kUnavailable at
// its callback.
//
// Keys are UTF-8 without NUL, 1 to kMaxKeyBytes bytes, parts separated by "/"; values up to
// kMaxValueBytes; a batch up to kMaxBatchBytes: what is larger is kTooLarge, and nothing was
// written.
class Store {
 public:
  static constexpr size_t kMaxKeyBytes = 512;
  static constexpr size_t kMaxValueBytes = 512 << 10;
  static constexpr size_t kMaxBatchBytes = 768 << 10;
  static constexpr size_t kMaxWaiting = 100'000;

  virtual ~Store() = default;

  using Done = std::move_only_function<void(Status)>;
  using Loaded = std::move_only_function<void(Result<std::vector<Entry>>)>;
  using TakenOver = std::move_only_function<void(Result<uint64_t>)>;

  // Makes this handle the writer and ends every earlier one's right to write, wherever it is: their
  // batches fail with kConflict from now on, also those on their way. The number is the epoch:
  // greater than any before. To be called before the first Commit.
  virtual void TakeOver(TakenOver done) = 0;

  // Everything whose key begins with `prefix`, in the order of the keys' bytes, with all that was
  // committed before.
  virtual void Load(std::string prefix, Loaded done) = 0;

  // All of the batch, durably, or nothing. kConflict: deposed, or an expected version was another
  // (the sentence says which). kUnavailable, kInternal: it may or may not have been written (the
  // store is lost: the owner must end). A failed batch also fails those that wait behind it, except
  // for a version that was another.
  virtual void Commit(Batch batch, Done done) = 0;
};

}  // namespace tepui::storage
