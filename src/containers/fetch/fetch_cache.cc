// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/fetch_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace tepui::containers {

namespace {
// How soon a waiting fetch notices that it was cancelled.
constexpr std::chrono::milliseconds kCancelPoll{100};
}  // namespace

FetchCache::FetchCache(std::string directory, uint64_t max_bytes)
    : directory_(std::move(directory)), max_bytes_(max_bytes) {
  std::error_code ignored;  // The first fetch reports a directory that cannot be created.
  std::filesystem::remove_all(directory_, ignored);
  std::filesystem::create_directories(directory_, ignored);
  chmod(directory_.c_str(), 0700);
}

FetchCache::Lease::Lease(FetchCache* cache, std::shared_ptr<Entry> entry, FileDescriptor file)
    : cache_(cache), entry_(std::move(entry)), file_(std::move(file)) {}

FetchCache::Lease::~Lease() {
  if (entry_) cache_->Release(entry_);
}

Result<FetchCache::Lease> FetchCache::Get(const std::string& key,
                                          const std::function<Status(int fd)>& fill,
                                          const std::function<bool()>& cancelled) {
  std::shared_ptr<Entry> entry;
  {
    MutexLock lock(mutex_);
    for (auto it = entries_.find(key); it != entries_.end(); it = entries_.find(key)) {
      if (it->second->ready) {
        entry = it->second;
        ++entry->readers;
        order_.splice(order_.end(), order_, entry->order);
        break;
      }
      if (cancelled()) return Fail(Code::kUnavailable, "the fetch was cancelled");
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCancelPoll);
    }
    if (!entry) {
      entry = std::make_shared<Entry>();
      entry->key = key;
      entry->path = fmt::format("{}/{}", directory_, ++next_file_);
      entry->order = order_.insert(order_.end(), key);
      entries_.emplace(key, entry);
    }
  }
  if (!entry->ready) {
    FileDescriptor file(open(entry->path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    Status filled = file.valid() ? fill(file.get())
                                 : Status(Fail(Code::kInternal, "the cache cannot write '{}': {}",
                                               entry->path, std::strerror(errno)));
    struct stat info{};
    if (filled && fstat(file.get(), &info) != 0)
      filled = Fail(Code::kInternal, "the cache cannot be read");
    const MutexLock lock(mutex_);
    changed_.NotifyAll();
    if (!filled) {
      Drop(entry);
      return Fail(filled.error());
    }
    entry->bytes = static_cast<uint64_t>(info.st_size);
    used_bytes_ += entry->bytes;
    ++entry->readers;
    entry->ready = true;
    MakeRoom();
    if (used_bytes_ > max_bytes_)
      Drop(entry);  // This lease's descriptor keeps the bytes as long as needed.
    lseek(file.get(), 0, SEEK_SET);
    return Lease(this, entry, std::move(file));
  }
  FileDescriptor file(open(entry->path.c_str(), O_RDONLY | O_CLOEXEC));
  Lease lease(this, entry, std::move(file));
  if (lease.fd() < 0)
    return Fail(Code::kInternal, "the cache lost '{}': {}", entry->path, std::strerror(errno));
  return lease;
}

uint64_t FetchCache::used_bytes() const {
  const MutexLock lock(mutex_);
  return used_bytes_;
}

void FetchCache::MakeRoom() {
  for (auto it = order_.begin(); used_bytes_ > max_bytes_ && it != order_.end();) {
    const auto entry = entries_.at(*it);
    ++it;  // Drop erases the element.
    if (entry->ready && entry->readers == 0) Drop(entry);
  }
}

void FetchCache::Drop(const std::shared_ptr<Entry>& entry) {
  if (!entry->kept) return;
  entry->kept = false;
  assert(entry->bytes <= used_bytes_);
  used_bytes_ -= entry->bytes;
  order_.erase(entry->order);
  unlink(entry->path.c_str());
  entries_.erase(entry->key);
}

void FetchCache::Release(const std::shared_ptr<Entry>& entry) {
  const MutexLock lock(mutex_);
  assert(entry->readers > 0);
  --entry->readers;
  MakeRoom();
}

}  // namespace tepui::containers
