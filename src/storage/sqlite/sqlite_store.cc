// SPDX-License-Identifier: Apache-2.0
#include "storage/sqlite/sqlite_store.h"

#include <pthread.h>

#include <cassert>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/thread.h"

namespace tepui::storage {

namespace {

// How often a store whose disk is full looks for room.
constexpr auto kRoomInterval = std::chrono::seconds(1);

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& path, Access access,
                                                       Poster poster, Limits limits,
                                                       OnFull on_full) {
  Result<std::unique_ptr<SqliteFile>> file = SqliteFile::Open(path, access);
  if (!file) return Fail(file.error());
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(std::move(*file), std::move(poster), limits, std::move(on_full)));
}

SqliteStore::SqliteStore(std::unique_ptr<SqliteFile> file, Poster poster, Limits limits,
                         OnFull on_full)
    : limits_(limits),
      on_full_(std::move(on_full)),
      file_(std::move(file)),
      reserve_(on_full_ ? std::optional<DiskReserve>(file_->path() + ".reserve") : std::nullopt),
      mailbox_(std::move(poster)),
      thread_(StartThread("store", [this] { Run(); })) {}

SqliteStore::~SqliteStore() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  wake_.NotifyOne();
  thread_.join();
}

template <class T>
void SqliteStore::Ask(std::move_only_function<Result<T>(SqliteFile&)> work,
                      std::move_only_function<void(Result<T>)> done) {
  Enqueue(Task([work = std::move(work)](SqliteFile& file) mutable -> Reply { return work(file); }),
          0, [done = std::move(done)](Reply reply) mutable {
            if (!reply) return done(Fail(reply.error()));
            done(std::get<T>(std::move(*reply)));
          });
}

void SqliteStore::Fence(Fenced done) {
  Ask<uint64_t>(
      [this](SqliteFile& file) { return Persist<uint64_t>([&file] { return file.Fence(); }); },
      std::move(done));
}

void SqliteStore::Load(std::string prefix, Loaded done) {
  Ask<std::vector<Entry>>(
      [prefix = std::move(prefix)](SqliteFile& file) { return file.Load(prefix); },
      std::move(done));
}

void SqliteStore::Describe(Described done) {
  Ask<Facts>([](SqliteFile& file) { return file.Describe(); }, std::move(done));
}

void SqliteStore::Check(Checked done) {
  Ask<std::vector<std::string>>([](SqliteFile& file) { return file.Check(); }, std::move(done));
}

void SqliteStore::Commit(Batch batch, Done done) {
  Replied replied = [done = std::move(done)](Reply reply) mutable {
    if (!reply) return done(Fail(reply.error()));
    done({});
  };
  if (Status checked = CheckLimits(batch, limits_); !checked) {
    return Refuse(std::move(checked.error()), std::move(replied));
  }
  const size_t bytes = SizeOf(batch);
  Enqueue(std::move(batch), bytes, std::move(replied));
}

void SqliteStore::Enqueue(Request request, size_t bytes, Replied replied) {
  if (Status room = waiting_.Add(bytes); !room) {
    return Refuse(std::move(room.error()), std::move(replied));
  }
  callers_.push_back({bytes, std::move(replied)});
  {
    const MutexLock lock(mutex_);
    requests_.push_back(std::move(request));
  }
  wake_.NotifyOne();
}

void SqliteStore::Refuse(Error error, Replied replied) {
  mailbox_.Post([error = std::move(error), replied = std::move(replied)]() mutable {
    replied(Fail(std::move(error)));
  });
}

void SqliteStore::Deliver(std::vector<Reply> replies) {
  const std::weak_ptr<const bool> alive = mailbox_.Alive();
  for (Reply& reply : replies) {
    assert(!callers_.empty());
    Caller caller = std::move(callers_.front());
    callers_.pop_front();
    waiting_.Remove(caller.bytes);
    caller.replied(std::move(reply));
    if (alive.expired()) return;  // The caller destroyed this store.
  }
}

void SqliteStore::Run() {
  pthread_setname_np(pthread_self(), "store");
  std::deque<Request> requests;
  while (true) {
    KeepReserve();
    {
      MutexLock lock(mutex_);
      if (requests.empty()) {
        const auto next = reserve_ && !reserve_->held() ? next_hold_ : CondVar::Time::max();
        while (!stopped_ && requests_.empty() && wake_.WaitUntil(mutex_, next)) {
        }
        requests.swap(requests_);
      }
      if (stopped_) return;
    }
    if (requests.empty()) continue;
    mailbox_.Post([this, replies = Serve(&requests)]() mutable { Deliver(std::move(replies)); });
  }
}

std::vector<SqliteStore::Reply> SqliteStore::Serve(std::deque<Request>* requests) {
  std::vector<Reply> replies;
  if (lost_) {
    replies.assign(requests->size(), Fail(*lost_));
    requests->clear();
  } else if (Task* const task = std::get_if<Task>(&requests->front()); task != nullptr) {
    replies.push_back((*task)(*file_));
    requests->pop_front();
  } else {
    replies = CommitGroup(requests);
  }
  return replies;
}

std::vector<SqliteStore::Reply> SqliteStore::CommitGroup(std::deque<Request>* requests) {
  std::vector<const Batch*> group;
  size_t bytes = 0;
  for (const Request& request : *requests) {
    const Batch* const batch = std::get_if<Batch>(&request);
    if (batch == nullptr) break;
    bytes += SizeOf(*batch);
    if (!group.empty() && bytes > kMaxGroupBytes) break;
    group.push_back(batch);
  }
  auto statuses = Persist<std::vector<Status>>([&] { return file_->Commit(group); });
  std::vector<Reply> replies;
  replies.reserve(group.size());
  if (statuses) {
    for (Status& status : *statuses) {
      replies.push_back(status ? Reply() : Fail(status.error()));
    }
  } else {
    spdlog::error("The store is lost: {}", statuses.error().message);
    lost_ = std::move(statuses.error());
    replies.assign(group.size(), Fail(*lost_));
  }
  requests->erase(requests->begin(), requests->begin() + static_cast<ptrdiff_t>(group.size()));
  return replies;
}

// Repeats `write` while the disk is full and the store is not stopped.
template <class T>
Result<T> SqliteStore::Persist(std::move_only_function<Result<T>()> write) {
  while (true) {
    Result<T> written = write();
    if (written || !reserve_ || !file_->disk_full() || !MakeRoom()) return written;
  }
}

// Releases the reserve, or waits for others to make room; returns false if the store was stopped.
bool SqliteStore::MakeRoom() {
  next_hold_ = std::chrono::steady_clock::now() + kRoomInterval;
  SetFull(true);
  if (reserve_->held()) {
    reserve_->Release();
    return true;
  }
  MutexLock lock(mutex_);
  while (!stopped_ && wake_.WaitUntil(mutex_, next_hold_)) {
  }
  return !stopped_;
}

void SqliteStore::KeepReserve() {
  if (!reserve_ || reserve_->held()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_hold_) return;
  next_hold_ = now + kRoomInterval;
  SetFull(!reserve_->Hold());
}

void SqliteStore::SetFull(bool full) {
  if (std::exchange(full_, full) == full) return;
  mailbox_.Post([this, full] { on_full_(full); });
}

}  // namespace tepui::storage
