#pragma once

#include <cstddef>
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
// In order: each write sees those before it.
using Batch = std::vector<Write>;

// What must survive: ordered keys, changed by atomic batches (reference 4; idea 5 of
// docs/architecture.md). In memory, in SQLite on one machine, in ZooKeeper on several.
//
// All calls and callbacks on the owner's thread; a callback runs once, never from inside the call,
// and not after the store is destroyed (it may destroy the store). Calls take effect in their
// order, callbacks run in that order too; only refusals may overtake. Batches that wait while one
// is being written are written together in the next (group commit): the cost of a disk's flush is
// shared. A batch that waits when the store is destroyed may or may not be written.
//
// Keys are UTF-8 without NUL, 1 to kMaxKeyBytes bytes, parts separated by "/"; values up to
// kMaxValueBytes; a batch up to kMaxBatchBytes, where each write counts kWriteBytes more than its
// key and value (other Limits where a store is opened with them). At most kMaxWaiting calls wait
// for their callbacks, and batches of kMaxWaitingBytes. What is over a limit is refused: kTooLarge,
// and nothing of it was written.
class Store {
 public:
  static constexpr size_t kMaxKeyBytes = 512;
  static constexpr size_t kMaxValueBytes = 512 << 10;
  static constexpr size_t kMaxBatchBytes = 768 << 10;
  static constexpr size_t kWriteBytes = 256;
  static constexpr size_t kMaxWaiting = 100'000;
  static constexpr size_t kMaxWaitingBytes = 256 << 20;

  virtual ~Store() = default;

  using Done = std::move_only_function<void(Status)>;
  using Loaded = std::move_only_function<void(Result<std::vector<Entry>>)>;
  using TakenOver = std::move_only_function<void(Result<uint64_t>)>;

  // Makes this handle the writer and ends every earlier one's right to write, wherever it is: their
  // batches fail with kForbidden from now on, also those on their way. The number is the epoch:
  // greater than any before. To be called before the first Commit. kUnavailable: not now (no
  // server answers, an import was left half done), the sentence says what to do.
  virtual void TakeOver(TakenOver done) = 0;

  // Everything whose key begins with `prefix`, in the order of the keys' bytes, as it was at one
  // moment, with all that this handle committed before. Needs no TakeOver.
  virtual void Load(std::string prefix, Loaded done) = 0;

  // All of the batch, durably, or nothing.
  // Refused, and nothing was written: kInvalid, kTooLarge (limits); kConflict (an expected version
  // was another; the sentence says which). Batches before and behind are not concerned.
  // The store is lost, and so is every batch that waits or comes later; the owner must end:
  // kForbidden (this handle was deposed or never took over; nothing was written), kUnavailable,
  // kInternal (it may or may not have been written).
  virtual void Commit(Batch batch, Done done) = 0;
};

// How large values and batches may be. The defaults fit every store; what never moves to ZooKeeper
// may take more, up to Store::kMaxWaitingBytes.
struct Limits {
  size_t value_bytes = Store::kMaxValueBytes;
  size_t batch_bytes = Store::kMaxBatchBytes;
};

}  // namespace tepui::storage
