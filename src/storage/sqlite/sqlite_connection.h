// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tepui::storage {

class SqliteStatement;

// An open SQLite database. Errors are values that name the file, what is wrong with it and what to
// do. One thread at a time.
class SqliteConnection {
 public:
  // `flags` are those of sqlite3_open_v2.
  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path, int flags);

  // Runs statements that return no rows, separated by ";".
  Status Run(const std::string& sql);
  // Returns the first column of the first row.
  Result<int64_t> Number(std::string_view sql);
  Result<SqliteStatement> Prepare(std::string_view sql);

  // Ends the open transaction, if there is one, without its changes.
  void Rollback();

  // Returns the error of the last call on this connection, which failed.
  Error Failure() const;
  // True if the last call that failed did so because the disk is full.
  bool disk_full() const { return disk_full_; }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };

  explicit SqliteConnection(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
  mutable bool disk_full_ = false;
};

// A prepared statement; must not outlive its connection. Text and blobs are bound without a copy:
// they must stay unchanged until Reset.
class SqliteStatement {
 public:
  void Bind(int index, int64_t number);
  void BindText(int index, std::string_view text);
  void BindBlob(int index, std::string_view bytes);

  // Returns true if there is a row to read, false when done.
  Result<bool> Step();
  // Step and Reset, for a statement that returns no rows.
  Status Execute();
  void Reset();

  int64_t Number(int column) const;
  std::string_view Bytes(int column) const;  // Text or blob; valid until the next Step or Reset.

 private:
  friend class SqliteConnection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  SqliteStatement(const SqliteConnection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}

  const SqliteConnection* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace tepui::storage
