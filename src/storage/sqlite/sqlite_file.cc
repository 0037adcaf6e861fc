// SPDX-License-Identifier: Apache-2.0
#include "storage/sqlite/sqlite_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/log.h"
#include "storage/limits.h"
#include "storage/sqlite/sqlite_log.h"
#include "storage/versions.h"

namespace tepui::storage {
namespace {

constexpr std::string_view kMakeSchema = R"(
  CREATE TABLE entries (
    key TEXT NOT NULL UNIQUE,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE writer (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    name TEXT NOT NULL
  ) STRICT;
  INSERT INTO writer VALUES (1, 0, '');
)";

// The log beside the file is truncated to this size after it has been copied into the file.
constexpr int64_t kMaxIdleLogBytes = 16 << 20;

// SQLite's index of a log has 32 KB for each 16 MB of the log.
constexpr uint64_t kIndexBytes = 1 << 20;

// A key contains no NUL, so a NUL ends it.
uint32_t Checksum(std::string_view key, std::string_view value, uint64_t version) {
  std::array<char, sizeof(version)> version_bytes{};
  for (size_t i = 0; i < sizeof(version); ++i) {
    version_bytes[i] = static_cast<char>(version >> (8 * i));
  }
  uLong sum = crc32_z(0, nullptr, 0);
  for (const std::string_view bytes :
       {key, std::string_view("\0", 1), value,
        std::string_view(version_bytes.data(), version_bytes.size())}) {
    // zlib restarts the sum if the address is null, as in an empty view.
    if (bytes.empty()) continue;
    sum = crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  }
  return static_cast<uint32_t>(sum);
}

// The columns of `row` are key, value, version, checksum.
bool MatchesChecksum(const SqliteStatement& row) {
  return row.Number(3) ==
         Checksum(row.Bytes(0), row.Bytes(1), static_cast<uint64_t>(row.Number(2)));
}

// SQLite gives its log and index files the mode of this file; their contents may be secret.
Status MakeFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Fail(Code::kUnavailable, "Cannot write the store '{}': {}", path, std::strerror(errno));
  }
  close(fd);
  return {};
}

std::string EscapeUri(std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// SQLite cannot open a cleanly closed store on a read-only disk, since it cannot create its files
// beside it. Such a file is opened as immutable.
Result<std::unique_ptr<SqliteConnection>> OpenToRead(const std::string& path) {
  struct stat about{};
  if (stat(path.c_str(), &about) != 0) {
    return Fail(errno == ENOENT ? Code::kNotFound : Code::kUnavailable,
                "Cannot read the store '{}': {}", path, std::strerror(errno));
  }
  const std::string directory = std::filesystem::path(path).parent_path();
  if (access(directory.c_str(), W_OK) != 0 && access((path + "-wal").c_str(), F_OK) != 0) {
    return SqliteConnection::Open(fmt::format("file:{}?immutable=1", EscapeUri(path)),
                                  SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
  }
  return SqliteConnection::Open(path, SQLITE_OPEN_READONLY);
}

// SQLite keeps its index of the log in a file beside the store, unless one connection has the store
// for itself. So this needs no room on the disk.
Result<std::unique_ptr<SqliteConnection>> OpenAlone(const std::string& path) {
  auto connection = SqliteConnection::Open(path, SQLITE_OPEN_READWRITE);
  if (!connection) return connection;
  if (Status set = (*connection)->Run("PRAGMA locking_mode = EXCLUSIVE"); !set) {
    return Fail(set.error());
  }
  return connection;
}

// True if there may be no room for SQLite's index of the log.
bool IsFull(const std::string& path) {
  struct statvfs about{};
  return statvfs(path.c_str(), &about) == 0 && about.f_bavail * about.f_frsize < kIndexBytes;
}

// Where Fence writes the schema a second time, behind the name of the writer.
constexpr std::string_view kWithSchema = ", with schema ";

// Returns the schema that the last writer had; 0 if it did not write one.
Result<int64_t> ReadWritersSchema(SqliteConnection& connection) {
  return connection.Number(fmt::format(
      "SELECT CAST(substr(name, instr(name, '{0}') + length('{0}')) AS INTEGER) FROM writer "
      "WHERE instr(name, '{0}') > 0",
      kWithSchema));
}

std::unexpected<Error> DamagedHeader(const std::string& path) {
  return Fail(Code::kInternal,
              "The store '{}' is damaged (its header): restore it from an export or a copy, and "
              "look after the disk",
              path);
}

// Returns the schema of the file; 0 if it is empty.
Result<int64_t> ReadSchema(const std::string& path, SqliteConnection& connection) {
  const Result<int64_t> application = connection.Number("PRAGMA application_id");
  if (!application) return application;
  const Result<int64_t> schema = connection.Number("PRAGMA user_version");
  if (!schema) return schema;
  const Result<int64_t> tables = connection.Number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables;
  if (*application == 0 && *schema == 0 && *tables == 0) return 0;
  const Result<int64_t> ours = connection.Number(
      "SELECT count(*) = 2 FROM sqlite_schema WHERE name IN ('entries', 'writer')");
  if (!ours) return ours;
  if (*application != SqliteFile::kApplicationId) {
    if (*ours != 0) return DamagedHeader(path);
    return Fail(Code::kInvalid, "'{}' is a SQLite database, but not a store of Tepui", path);
  }
  if (*schema < 1) return DamagedHeader(path);
  if (*schema > SqliteFile::kSchema) {
    const Result<int64_t> writers = *ours != 0 ? ReadWritersSchema(connection) : 0;
    if (!writers) return writers;
    if (*writers != 0 && *writers != *schema) return DamagedHeader(path);
    return Fail(Code::kInvalid,
                "The store '{}' was written by a newer version of Tepui (schema {}; this one knows "
                "{}): start that version",
                path, *schema, SqliteFile::kSchema);
  }
  return schema;
}

}  // namespace

Result<std::unique_ptr<SqliteFile>> SqliteFile::Open(const std::string& given, Access access) {
  const std::string path = std::filesystem::absolute(given);
  std::optional<StoreLock> lock;
  if (access != Access::kRead) {
    Result<StoreLock> acquired = StoreLock::Acquire(path + ".lock");
    if (!acquired) return Fail(acquired.error());
    lock.emplace(std::move(*acquired));
    if (Status made = MakeFile(path); !made) return Fail(made.error());
  }
  const bool alone = access != Access::kRead && IsFull(path);
  // Opened read-only first, so that a file that is refused stays as it is.
  Result<std::unique_ptr<SqliteConnection>> connection = alone ? OpenAlone(path) : OpenToRead(path);
  if (!connection) return Fail(connection.error());
  const Result<int64_t> schema = ReadSchema(path, **connection);
  if (!schema) return Fail(schema.error());
  if (access == Access::kRead && *schema == 0) {
    return Fail(Code::kInvalid, "'{}' is empty: no store was ever created there", path);
  }
  if (access != Access::kRead && !alone) {
    connection = SqliteConnection::Open(path, SQLITE_OPEN_READWRITE);
    if (!connection) return Fail(connection.error());
  }
  std::unique_ptr<SqliteFile> file(
      new SqliteFile(path, access, std::move(lock), std::move(*connection)));
  if (access != Access::kRead) {
    if (Status made = *schema == 0 ? file->MakeSchema() : file->CheckPages(); !made) {
      return Fail(made.error());
    }
    file->CheckLog();
    if (Status prepared = file->PrepareStatements(); !prepared) return Fail(prepared.error());
  }
  return file;
}

Status SqliteFile::MakeSchema() {
  // One transaction, so that a file has the complete schema or is still empty.
  if (Status wal = connection_->Run("PRAGMA journal_mode = WAL"); !wal) return wal;
  const Status made = connection_->Run(fmt::format(
      "BEGIN IMMEDIATE; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
      kMakeSchema, kApplicationId, kSchema));
  if (!made) connection_->Rollback();
  return made;
}

Status SqliteFile::CheckPages() {
  Result<SqliteStatement> check = connection_->Prepare("PRAGMA quick_check(1)");
  if (!check) return Fail(check.error());
  const Result<bool> row = check->Step();
  if (!row) return Fail(row.error());
  if (*row && check->Bytes(0) != "ok") {
    return Fail(
        Code::kInternal,
        "The store '{}' is damaged ({}): restore it from an export or a copy, and check the disk",
        path_, check->Bytes(0));
  }
  return {};
}

void SqliteFile::CheckLog() {
  // This returns whether it was hindered, and how many frames of the log are valid.
  Result<SqliteStatement> checkpoint = connection_->Prepare("PRAGMA wal_checkpoint(PASSIVE)");
  if (!checkpoint) return;
  const Result<bool> row = checkpoint->Step();
  if (!row || !*row || checkpoint->Number(1) < 0) return;
  rolled_back_ = CountRolledBack(path_ + "-wal", static_cast<size_t>(checkpoint->Number(1)));
  if (rolled_back_ == 0) return;
  spdlog::error(
      "The log of the store '{}' is damaged: the last {} transactions were rolled back, although "
      "they were acknowledged. Look after the disk",
      path_, rolled_back_);
}

Status SqliteFile::PrepareStatements() {
  // WAL mode is recorded in the file; the way of flushing is not.
  const Status set = connection_->Run(
      fmt::format("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = {}", kMaxIdleLogBytes));
  if (!set) return set;
  Result<SqliteStatement> version =
      connection_->Prepare("SELECT version FROM entries WHERE key = ?");
  if (!version) return Fail(version.error());
  Result<SqliteStatement> put = connection_->Prepare(
      "INSERT INTO entries (key, value, version, checksum) VALUES (?, ?, ?, ?) ON CONFLICT (key) "
      "DO UPDATE SET value = excluded.value, version = excluded.version, "
      "checksum = excluded.checksum");
  if (!put) return Fail(put.error());
  Result<SqliteStatement> remove = connection_->Prepare("DELETE FROM entries WHERE key = ?");
  if (!remove) return Fail(remove.error());
  statements_.emplace(std::move(*version), std::move(*put), std::move(*remove));
  return {};
}

Result<uint64_t> SqliteFile::Fence() {
  if (!statements_) return Fail(NotTheWriter());
  if (access_ != Access::kImport) {
    const Result<uint64_t> unfinished = Version(kImportKey);
    if (!unfinished) return unfinished;
    if (*unfinished != 0) return Fail(ImportUnfinished(path_));
  }
  Result<SqliteStatement> update = connection_->Prepare(
      "UPDATE writer SET epoch = epoch + 1, name = ? || ', since ' || "
      "strftime('%Y-%m-%dT%H:%M:%SZ') || ? RETURNING epoch");
  if (!update) return Fail(update.error());
  const std::string name = ThisProcess();
  const std::string schema = fmt::format("{}{}", kWithSchema, kSchema);
  update->BindText(1, name);
  update->BindText(2, schema);
  const Result<bool> row = update->Step();
  if (!row) return Fail(row.error());
  const auto epoch = static_cast<uint64_t>(update->Number(0));
  // The flush is done when there are no more rows.
  if (const Result<bool> end = update->Step(); !end) return Fail(end.error());
  return epoch_ = epoch;
}

Result<std::vector<Entry>> SqliteFile::Load(std::string_view prefix) {
  Result<SqliteStatement> select = connection_->Prepare(
      "SELECT key, value, version, checksum FROM entries WHERE key >= ? ORDER BY key");
  if (!select) return Fail(select.error());
  select->BindText(1, prefix);
  std::vector<Entry> entries;
  while (true) {
    const Result<bool> row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row || !select->Bytes(0).starts_with(prefix)) return entries;
    Entry& entry =
        entries.emplace_back(std::string(select->Bytes(0)), std::string(select->Bytes(1)),
                             static_cast<uint64_t>(select->Number(2)));
    if (!MatchesChecksum(*select)) {
      return Fail(Code::kInternal,
                  "The record '{}' of the store '{}' is damaged: restore the store from an export "
                  "or a copy, and check the disk",
                  entry.key, path_);
    }
  }
}

Result<std::vector<Status>> SqliteFile::Commit(std::span<const Batch* const> batches) {
  if (epoch_ == 0) return Fail(NotTheWriter());
  if (Status begun = connection_->Run("BEGIN IMMEDIATE"); !begun) return Fail(begun.error());
  Result<std::vector<Status>> applied = Apply(batches);
  if (applied) {
    Status committed = connection_->Run("COMMIT");
    if (committed) return applied;
    applied = Fail(committed.error());
  }
  connection_->Rollback();
  return applied;
}

Result<std::vector<Status>> SqliteFile::Apply(std::span<const Batch* const> batches) {
  if (Status ours = CheckEpoch(); !ours) return Fail(ours.error());
  std::vector<Status> statuses;
  statuses.reserve(batches.size());
  for (const Batch* batch : batches) {
    Status applied = Apply(*batch);
    if (!applied && applied.error().code != Code::kConflict) return Fail(applied.error());
    statuses.push_back(std::move(applied));
  }
  return statuses;
}

Status SqliteFile::CheckEpoch() {
  const Result<Facts> facts = Describe();
  if (!facts) return Fail(facts.error());
  if (facts->epoch != epoch_) return Fail(Deposed(epoch_, facts->epoch, facts->writer));
  return {};
}

Status SqliteFile::Apply(const Batch& batch) {
  const Result<std::vector<uint64_t>> versions =
      PlanVersions(batch, [this](std::string_view key) { return Version(key); });
  if (!versions) return Fail(versions.error());
  for (size_t i = 0; i < batch.size(); ++i) {
    if (Status put = Put(batch[i], (*versions)[i]); !put) return put;
  }
  return {};
}

Status SqliteFile::Put(const Write& write, uint64_t version) {
  if (!write.value) {
    statements_->remove.BindText(1, write.key);
    return statements_->remove.Execute();
  }
  SqliteStatement& put = statements_->put;
  put.BindText(1, write.key);
  put.BindBlob(2, *write.value);
  put.Bind(3, static_cast<int64_t>(version));
  put.Bind(4, Checksum(write.key, *write.value, version));
  return put.Execute();
}

Result<uint64_t> SqliteFile::Version(std::string_view key) {
  SqliteStatement& select = statements_->version;
  select.BindText(1, key);
  const Result<bool> row = select.Step();
  if (!row) return Fail(row.error());
  const auto version = *row ? static_cast<uint64_t>(select.Number(0)) : 0;
  select.Reset();
  return version;
}

Result<Facts> SqliteFile::Describe() {
  Result<SqliteStatement> select = connection_->Prepare("SELECT epoch, name FROM writer");
  if (!select) return Fail(select.error());
  const Result<bool> row = select->Step();
  if (!row) return Fail(row.error());
  if (!*row) {
    return Fail(Code::kInternal, "The store '{}' is damaged: its table writer is empty", path_);
  }
  return Facts{.place = fmt::format("the SQLite file '{}'", path_),
               .schema = kSchema,
               .epoch = static_cast<uint64_t>(select->Number(0)),
               .writer = std::string(select->Bytes(1))};
}

Result<std::vector<std::string>> SqliteFile::Check() {
  std::vector<std::string> problems;
  Result<SqliteStatement> pages = connection_->Prepare(
      fmt::format("PRAGMA integrity_check({})", InspectableStore::kMaxProblems));
  if (!pages) return Fail(pages.error());
  while (true) {
    const Result<bool> row = pages->Step();
    // Damage may end the check itself.
    if (!row) problems.push_back(row.error().message);
    if (!row || !*row) break;
    if (pages->Bytes(0) != "ok") problems.push_back(fmt::format("SQLite: {}", pages->Bytes(0)));
  }
  Result<SqliteStatement> select =
      connection_->Prepare("SELECT key, value, version, checksum FROM entries ORDER BY key");
  if (!select) return Fail(select.error());
  while (problems.size() < InspectableStore::kMaxProblems) {
    const Result<bool> row = select->Step();
    if (!row) problems.push_back(row.error().message);
    if (!row || !*row) break;
    const std::string_view key = select->Bytes(0);
    if (!MatchesChecksum(*select)) {
      problems.push_back(fmt::format("The record '{}' does not match its checksum", key));
    }
    if (key == kImportKey) problems.push_back(ImportUnfinished(path_).message);
  }
  return problems;
}

Result<std::vector<std::string>> SqliteFile::RemoveDamaged(const std::string& copy) {
  // The mark of an unfinished import may itself be damaged.
  const Result<uint64_t> unfinished = Version(kImportKey);
  if (!unfinished) return Fail(unfinished.error());
  if (*unfinished != 0) return Fail(ImportUnfinished(path_));
  Result<SqliteStatement> select =
      connection_->Prepare("SELECT key, value, version, checksum, rowid FROM entries ORDER BY key");
  if (!select) return Fail(select.error());
  std::vector<std::string> keys;
  // Rows are removed by number, because the key may be damaged.
  std::vector<int64_t> rows;
  while (true) {
    const Result<bool> row = select->Step();
    if (!row) return Fail(row.error());
    if (!*row) break;
    if (MatchesChecksum(*select)) continue;
    keys.emplace_back(select->Bytes(0));
    rows.push_back(select->Number(4));
  }
  if (keys.empty()) return keys;
  if (Status copied = CopyTo(copy); !copied) return Fail(copied.error());
  if (Status removed = RemoveRows(rows); !removed) return Fail(removed.error());
  return keys;
}

Status SqliteFile::CopyTo(const std::string& path) {
  if (Status made = MakeFile(path); !made) return made;
  Result<SqliteStatement> copy = connection_->Prepare("VACUUM INTO ?");
  if (!copy) return Fail(copy.error());
  copy->BindText(1, path);
  return copy->Execute();
}

Status SqliteFile::RemoveRows(const std::vector<int64_t>& rows) {
  if (Status begun = connection_->Run("BEGIN IMMEDIATE"); !begun) return begun;
  for (const int64_t row : rows) {
    Status removed = connection_->Run(fmt::format("DELETE FROM entries WHERE rowid = {}", row));
    if (removed) continue;
    connection_->Rollback();
    return removed;
  }
  return connection_->Run("COMMIT");
}

}  // namespace tepui::storage
