// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/mailbox.h"
#include "base/mutex.h"
#include "storage/inspection.h"
#include "storage/limits.h"
#include "storage/sqlite/disk_reserve.h"
#include "storage/sqlite/sqlite_file.h"
#include "storage/store.h"

namespace tepui::storage {

// A store in one SQLite file, for one machine. All work on the file is done by a thread of its own;
// all batches that wait when that is free go into one transaction and one flush. Only one process
// can open a file for writing; another gets an error that names it.
//
// Destruction waits for the current transaction; batches behind it are not written.
//
// A full disk ends the store, unless Open gets an OnFull. Then the store keeps a DiskReserve beside
// its file (FILE.reserve), releases it when the disk is full, and when that is used up too, waits
// until there is room: a full disk is a slow disk then.
class SqliteStore final : public InspectableStore {
 public:
  // A transaction takes no more than this, so that the first of many waiting batches gets its
  // callback as soon as the disk has written this many bytes.
  static constexpr size_t kMaxGroupBytes = 8 << 20;

  // Runs on the owner's thread: with true when the reserve had to be released, or there is no room
  // for it, and with false when it is held again.
  using OnFull = std::function<void(bool full)>;
  // Creates the file if it does not exist and `access` is not kRead. Blocks on the disk; fails as
  // SqliteFile::Open does.
  static Result<std::unique_ptr<SqliteStore>> Open(const std::string& path, Access access,
                                                   Poster poster, Limits limits = {},
                                                   OnFull on_full = {});
  ~SqliteStore() override;

  void Fence(Fenced done) override;
  void Load(std::string prefix, Loaded done) override;
  void Commit(Batch batch, Done done) override;
  void Describe(Described done) override;
  void Check(Checked done) override;

 private:
  using Answer =
      std::variant<std::monostate, uint64_t, std::vector<Entry>, Facts, std::vector<std::string>>;
  using Reply = Result<Answer>;
  using Replied = std::move_only_function<void(Reply)>;
  using Task = std::move_only_function<Reply(SqliteFile&)>;  // Any request but a commit.
  using Request = std::variant<Batch, Task>;
  struct Caller {
    size_t bytes = 0;
    Replied replied;
  };

  SqliteStore(std::unique_ptr<SqliteFile> file, Poster poster, Limits limits, OnFull on_full);

  template <class T>
  void Ask(std::move_only_function<Result<T>(SqliteFile&)> work,
           std::move_only_function<void(Result<T>)> done);
  void Enqueue(Request request, size_t bytes, Replied replied);
  void Refuse(Error error, Replied replied);
  void Deliver(std::vector<Reply> replies);

  // Run on the thread.
  void Run();
  std::vector<Reply> Serve(std::deque<Request>* requests);
  std::vector<Reply> CommitGroup(std::deque<Request>* requests);
  template <class T>
  Result<T> Persist(std::move_only_function<Result<T>()> write);
  bool MakeRoom();
  void KeepReserve();
  void SetFull(bool full);

  const Limits limits_;
  const OnFull on_full_;

  // Used on the owner's thread. Callers stay on it, in the order of their requests.
  Waiting waiting_;
  std::deque<Caller> callers_;

  // Used on the thread only.
  const std::unique_ptr<SqliteFile> file_;
  std::optional<Error> lost_;
  std::optional<DiskReserve> reserve_;  // Only with on_full_.
  CondVar::Time next_hold_{};           // When to try to hold the reserve again.
  bool full_ = false;

  Mutex mutex_;
  CondVar wake_;
  std::deque<Request> requests_ TEPUI_GUARDED_BY(mutex_);  // Bounded by waiting_.
  bool stopped_ TEPUI_GUARDED_BY(mutex_) = false;

  Mailbox mailbox_;
  std::thread thread_;
};

}  // namespace tepui::storage
