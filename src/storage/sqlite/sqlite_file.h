// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/inspection.h"
#include "storage/sqlite/sqlite_connection.h"
#include "storage/store.h"
#include "storage/store_lock.h"

namespace tepui::storage {

// A store's SQLite file: its format (docs/storage.md) and the operations on it. Blocks on the disk.
// One thread at a time.
//
// Every record carries a checksum, which SQLite's pages do not have: a bit that flipped on the disk
// is detected when the record is read.
class SqliteFile {
 public:
  static constexpr int64_t kApplicationId = 0x54455055;  // "TEPU", in the file's header.
  static constexpr int64_t kSchema = 1;

  // For writing, the file is created if it does not exist, locked, and checked for damage. A file
  // that is not a store of Tepui, or was written by a newer version, is refused and left untouched.
  // On a full disk a file can still be opened, but others cannot read it meanwhile.
  // kInternal always means damage in the file.
  static Result<std::unique_ptr<SqliteFile>> Open(const std::string& path, Access access);

  // Returns the new epoch.
  Result<uint64_t> Fence();
  Result<std::vector<Entry>> Load(std::string_view prefix);

  // Writes the batches in order with one flush of the disk, and returns one status per batch. An
  // error concerns all of them: none is written, or, with kInternal and kUnavailable, either all or
  // none.
  Result<std::vector<Status>> Commit(std::span<const Batch* const> batches);

  Result<Facts> Describe();
  Result<std::vector<std::string>> Check();

  // Durably removes the records that do not match their checksums, and returns their keys; for
  // operators who prefer to continue without these records. The file must be open for writing. If
  // there are any such records, the unchanged store is first copied to the file `copy`, which must
  // not exist.
  Result<std::vector<std::string>> RemoveDamaged(const std::string& copy);

  // Transactions that were acknowledged, and that SQLite rolled back when the file was opened for
  // writing, because its log is damaged.
  size_t rolled_back() const { return rolled_back_; }

  const std::string& path() const { return path_; }
  // True if the last operation that failed did so because the disk is full. Nothing of it is
  // written then, and it may be repeated.
  bool disk_full() const { return connection_->disk_full(); }

 private:
  // Prepared once, and run for each key.
  struct Statements {
    SqliteStatement version;
    SqliteStatement put;
    SqliteStatement remove;
  };

  SqliteFile(std::string path, Access access, std::optional<StoreLock> lock,
             std::unique_ptr<SqliteConnection> connection)
      : path_(std::move(path)),
        access_(access),
        lock_(std::move(lock)),
        connection_(std::move(connection)) {}

  Status MakeSchema();
  void CheckLog();
  Status PrepareStatements();
  Status CheckPages();
  Status CopyTo(const std::string& path);
  Status RemoveRows(const std::vector<int64_t>& rows);
  Status CheckEpoch();
  Result<std::vector<Status>> Apply(std::span<const Batch* const> batches);
  Status Apply(const Batch& batch);
  Status Put(const Write& write, uint64_t version);
  Result<uint64_t> Version(std::string_view key);

  const std::string path_;
  const Access access_;
  const std::optional<StoreLock> lock_;  // Released after the connection is closed.
  const std::unique_ptr<SqliteConnection> connection_;
  std::optional<Statements> statements_;
  size_t rolled_back_ = 0;
  uint64_t epoch_ = 0;  // 0: not fenced by this handle yet.
};

}  // namespace tepui::storage
