// SPDX-License-Identifier: Apache-2.0
#include "storage/sqlite/sqlite_connection.h"

#include <fmt/format.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>

namespace tepui::storage {
namespace {

// How long to wait for another program that uses the file for a moment, such as a backup or
// sqlite3.
constexpr int kBusyTimeoutMs = 5'000;

// SQLite names the system's error only for the last two.
bool IsDiskFull(int code, int system_error) {
  const int kind = code & 0xFF;
  return kind == SQLITE_FULL || ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) &&
                                 (system_error == ENOSPC || system_error == EDQUOT));
}

Error Explain(const std::string& path, int code, const char* words, int system_error) {
  const auto say = [&](Code kind, std::string_view what) {
    return Error{kind, fmt::format("The store '{}' {}", path, what)};
  };
  if (IsDiskFull(code, system_error)) {
    return say(Code::kUnavailable, "cannot be written: its disk is full; make room");
  }
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return say(Code::kUnavailable, "is locked by another program");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return say(
          Code::kUnavailable,
          fmt::format("cannot be written ({}): look at its file system and permissions", words));
    case SQLITE_CANTOPEN:
      return say(Code::kUnavailable,
                 fmt::format("cannot be opened: {}",
                             system_error != 0 ? std::strerror(system_error) : words));
    case SQLITE_CORRUPT:
      return say(
          Code::kInternal,
          fmt::format("is damaged ({}): restore it from an export or a copy, and check the disk",
                      words));
    case SQLITE_NOTADB:
      return say(Code::kInternal, "is not a SQLite database");
    case SQLITE_IOERR:
      return say(Code::kUnavailable,
                 fmt::format("cannot be read or written: {} ({})", words,
                             system_error != 0 ? std::strerror(system_error) : "no reason given"));
    default:
      return say(Code::kUnavailable, fmt::format("fails: {} (SQLite code {})", words, code));
  }
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                 int flags) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path));
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  connection->database_.reset(database);
  if (database == nullptr) return Fail(Code::kUnavailable, "No memory for the store '{}'", path);
  sqlite3_extended_result_codes(database, 1);
  if (code != SQLITE_OK) return Fail(connection->Failure());
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
  // A damaged or malicious file must not run code or be made worse by it.
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return connection;
}

Status SqliteConnection::Run(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return Fail(Failure());
  }
  return {};
}

Result<int64_t> SqliteConnection::Number(std::string_view sql) {
  Result<SqliteStatement> statement = Prepare(sql);
  if (!statement) return Fail(statement.error());
  const Result<bool> row = statement->Step();
  if (!row) return Fail(row.error());
  return *row ? statement->Number(0) : 0;
}

Result<SqliteStatement> SqliteConnection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    return Fail(Failure());
  }
  return SqliteStatement(this, statement);
}

void SqliteConnection::Rollback() {
  const bool open = sqlite3_get_autocommit(database_.get()) == 0;
  if (open) std::ignore = Run("ROLLBACK");
}

Error SqliteConnection::Failure() const {
  const int code = sqlite3_extended_errcode(database_.get());
  const int system_error = sqlite3_system_errno(database_.get());
  disk_full_ = IsDiskFull(code, system_error);
  return Explain(path_, code, sqlite3_errmsg(database_.get()), system_error);
}

void SqliteStatement::Bind(int index, int64_t number) {
  [[maybe_unused]] const int code = sqlite3_bind_int64(statement_.get(), index, number);
  assert(code == SQLITE_OK);
}

void SqliteStatement::BindText(int index, std::string_view text) {
  // A null pointer would be NULL and not an empty text.
  [[maybe_unused]] const int code =
      sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(), text.size(),
                          SQLITE_STATIC, SQLITE_UTF8);
  assert(code == SQLITE_OK);
}

void SqliteStatement::BindBlob(int index, std::string_view bytes) {
  // A null pointer would be NULL and not a blob of no bytes.
  [[maybe_unused]] const int code =
      bytes.empty()
          ? sqlite3_bind_zeroblob(statement_.get(), index, 0)
          : sqlite3_bind_blob64(statement_.get(), index, bytes.data(), bytes.size(), SQLITE_STATIC);
  assert(code == SQLITE_OK);
}

Result<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = connection_->Failure();
  Reset();
  return Fail(std::move(error));
}

Status SqliteStatement::Execute() {
  const Result<bool> row = Step();
  if (!row) return Fail(row.error());
  Reset();
  return {};
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

int64_t SqliteStatement::Number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view SqliteStatement::Bytes(int column) const {
  // The pointer first: sqlite3_column_bytes returns the size after the last conversion.
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

}  // namespace tepui::storage
