#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/file_lock.h"
#include "storage/inspection.h"
#include "storage/sqlite/sqlite_connection.h"
#include "storage/store.h"

namespace tepui::storage {

// A store's SQLite file: its format (docs/storage.md) and what can be done with it. Blocks on the
// disk. One thread at a time.
//
// Every record carries a checksum, which SQLite's pages do not have: a bit that fell over on the
// disk is found when the record is read.
class SqliteFile {
 public:
  static constexpr int64_t kApplicationId = 0x54455055;  // "TEPU", in the file's header.
  static constexpr int64_t kSchema = 1;

  // For writing, the file is made if it is not there, locked, and looked through for damage. What
  // is no store of Tepui's, or was written by a newer version of it, is refused and left untouched.
  // kInternal is damage in the file, and nothing else.
  static Result<std::unique_ptr<SqliteFile>> Open(const std::string& path, Access access);

  // The new epoch.
  Result<uint64_t> TakeOver();
  Result<std::vector<Entry>> Load(std::string_view prefix);

  // Writes the batches in their order with one flush of the disk; one status each. An error is that
  // of all: none of them is written, or (kInternal, kUnavailable) all or none.
  Result<std::vector<Status>> Commit(std::span<const Batch* const> batches);

  Result<Facts> Describe();
  Result<std::vector<std::string>> Check();

  // Of a file that is open for writing: takes the records out that do not match their checksums,
  // durably, and returns their keys. For who would rather go on without them. If there are any, the
  // store as it is is copied to the file `copy` first, which must not be there.
  Result<std::vector<std::string>> RemoveDamaged(const std::string& copy);

  const std::string& path() const { return path_; }

 private:
  // Prepared once, run for each key.
  struct Statements {
    SqliteStatement version;
    SqliteStatement put;
    SqliteStatement remove;
  };

  SqliteFile(std::string path, Access access, std::optional<FileLock> lock,
             std::unique_ptr<SqliteConnection> connection)
      : path_(std::move(path)),
        access_(access),
        lock_(std::move(lock)),
        connection_(std::move(connection)) {}

  Status MakeSchema();
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
  const std::optional<FileLock> lock_;  // Let go after the connection is closed.
  const std::unique_ptr<SqliteConnection> connection_;
  std::optional<Statements> statements_;
  uint64_t epoch_ = 0;  // 0: has not taken over.
};

}  // namespace tepui::storage
