// SPDX-License-Identifier: Apache-2.0
#include "storage/sqlite/sqlite_store.h"

#include <pthread.h>

#include <cassert>
#include <utility>

#include "base/log.h"

namespace tepui::storage {

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& path, Access access,
                                                       Poster poster, Limits limits) {
  Result<std::unique_ptr<SqliteFile>> file = SqliteFile::Open(path, access);
  if (!file) return Fail(file.error());
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(*file), std::move(poster), limits));
}

SqliteStore::SqliteStore(std::unique_ptr<SqliteFile> file, Poster poster, Limits limits)
    : limits_(limits),
      file_(std::move(file)),
      mailbox_(std::move(poster)),
      thread_([this] { Run(); }) {}

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
  Ask<uint64_t>([](SqliteFile& file) { return file.Fence(); }, std::move(done));
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
    {
      MutexLock lock(mutex_);
      if (requests.empty()) {
        while (!stopped_ && requests_.empty()) wake_.Wait(mutex_);
        requests.swap(requests_);
      }
      if (stopped_) return;
    }
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
  Result<std::vector<Status>> statuses = file_->Commit(group);
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

}  // namespace tepui::storage
