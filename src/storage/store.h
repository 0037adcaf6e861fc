// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace tepui::storage {

// A stored key. `version` is 1 when the key is created and increases by one with each write; a key
// that was removed and created again starts at 1 again.
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
      value;  // Absent: the key is removed; a key that does not exist is no error.
  // The batch fails with kConflict unless this is the key's current version. 0: the key must not
  // exist.
  std::optional<uint64_t> expected = std::nullopt;
};
// Ordered: each write sees those before it.
using Batch = std::vector<Write>;

// Keeps what must survive a process: ordered keys, changed by atomic batches (reference 4; idea 5
// of docs/architecture.md). There are stores in memory, in SQLite on one machine, and in ZooKeeper
// on several.
//
// All calls and callbacks are made on the owner's thread. A callback runs once, never from inside
// the call, and not after the store is destroyed (it may destroy the store). Calls take effect in
// order, and callbacks run in the same order; only refusals may come earlier. Batches that wait
// while another is being written are then written together (group commit), so that they share the
// cost of a disk flush. A batch that waits when the store is destroyed may or may not be written.
//
// Keys are UTF-8 without NUL, of 1 to kMaxKeyBytes bytes, in parts separated by "/". Values have up
// to kMaxValueBytes, batches up to kMaxBatchBytes, where each write counts kWriteBytes more than
// its key and value (a store can be opened with other Limits). At most kMaxWaiting calls, with
// batches of at most kMaxWaitingBytes together, wait for their callbacks. A call that exceeds a
// limit is refused with kTooLarge, and nothing of it is written.
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
  using Fenced = std::move_only_function<void(Result<uint64_t>)>;

  // Makes this handle the writer and ends the right of every earlier one to write, in any process:
  // their batches fail with kForbidden from now on, also those already sent. Returns the epoch,
  // which is greater than any before. To be called before the first Commit. kUnavailable: not
  // possible now (no server answers, an import was left unfinished); the sentence says what to do.
  virtual void Fence(Fenced done) = 0;

  // Returns all entries whose keys begin with `prefix`, in the order of the keys' bytes, as they
  // were at one moment, including all that this handle committed before. Needs no Fence.
  virtual void Load(std::string prefix, Loaded done) = 0;

  // Writes all of the batch durably, or nothing. kInvalid, kTooLarge (limits) and kConflict (an
  // expected version differs; the sentence names it) are refusals: nothing was written, and other
  // batches are not affected. After any other error the store is lost, every batch that waits or
  // comes later fails, and the owner must end: kForbidden (this handle was deposed or never took
  // over; nothing was written), kUnavailable, kInternal (the batch may or may not have been
  // written).
  virtual void Commit(Batch batch, Done done) = 0;
};

// How large values and batches may be. The defaults fit every store; a store that never moves to
// ZooKeeper may use larger ones, up to Store::kMaxWaitingBytes.
struct Limits {
  size_t value_bytes = Store::kMaxValueBytes;
  size_t batch_bytes = Store::kMaxBatchBytes;
};

}  // namespace tepui::storage
