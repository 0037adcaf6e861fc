// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/fetch_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/log.h"

namespace tepui::containers {

namespace {
// How soon a waiting fetch notices that it was cancelled.
constexpr std::chrono::milliseconds kCancelPoll{100};

constexpr PrivateDirectory::Use kUse = {.purpose = "keeps its downloads",
                                        .flag = "--fetcher_cache_dir"};
}  // namespace

Result<std::unique_ptr<FetchCache>> FetchCache::Open(const std::string& directory,
                                                     uint64_t max_bytes) {
  auto taken = PrivateDirectory::Take(directory, kUse);
  if (!taken) return Fail(taken.error());
  // A file that cannot be removed takes room, but is never served.
  std::error_code ignored;
  const std::string opened = fmt::format("/proc/self/fd/{}", taken->fd());
  for (const auto& entry : std::filesystem::directory_iterator(opened, ignored)) {
    std::filesystem::remove_all(entry.path(), ignored);
  }
  return std::unique_ptr<FetchCache>(new FetchCache(std::move(*taken), max_bytes));
}

FetchCache::Lease::Lease(FetchCache* cache, std::shared_ptr<Entry> entry, FileDescriptor file)
    : cache_(cache), entry_(std::move(entry)), file_(std::move(file)) {}

FetchCache::Lease::~Lease() {
  if (entry_) cache_->Release(entry_);
}

bool FetchCache::Lease::IsWhole() const {
  struct stat info{};
  return file_.valid() && fstat(file_.get(), &info) == 0 &&
         static_cast<uint64_t>(info.st_size) == entry_->bytes;
}

Result<FetchCache::Lease> FetchCache::Get(const std::string& key,
                                          const std::function<Status(int fd)>& fill,
                                          const std::function<bool()>& cancelled) {
  while (true) {
    bool is_new = false;
    const Result<EntryPointer> entry = Claim(key, cancelled, &is_new);
    if (!entry) return Fail(entry.error());
    if (is_new) return Fill(*entry, fill);
    Lease lease(this, *entry, OpenFile(**entry));
    if (lease.IsWhole()) return lease;
    spdlog::warn("A cached download is gone from '{}' and is fetched again", path_);
    const MutexLock lock(mutex_);
    Drop(*entry);
  }
}

Result<FetchCache::EntryPointer> FetchCache::Claim(const std::string& key,
                                                   const std::function<bool()>& cancelled,
                                                   bool* is_new) {
  MutexLock lock(mutex_);
  for (auto it = entries_.find(key); it != entries_.end(); it = entries_.find(key)) {
    const EntryPointer& found = it->second;
    if (found->ready) {
      ++found->readers;
      order_.splice(order_.end(), order_, found->order);
      return found;
    }
    if (cancelled()) return Fail(Code::kUnavailable, "the fetch was cancelled");
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kCancelPoll);
  }
  *is_new = true;
  auto entry = std::make_shared<Entry>();
  entry->key = key;
  entry->name = fmt::to_string(++next_file_);
  entry->order = order_.insert(order_.end(), key);
  entries_.emplace(key, entry);
  return entry;
}

Result<FetchCache::Lease> FetchCache::Fill(const EntryPointer& entry,
                                           const std::function<Status(int fd)>& fill) {
  Result<FileDescriptor> file = CreateFile(*entry);
  Status filled = file ? fill(file->get()) : Status(Fail(file.error()));
  struct stat info{};
  if (filled && fstat(file->get(), &info) != 0)
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
  // This lease's descriptor keeps the bytes as long as needed.
  if (used_bytes_ > max_bytes_) Drop(entry);
  lseek(file->get(), 0, SEEK_SET);
  return Lease(this, entry, std::move(*file));
}

Result<FileDescriptor> FetchCache::CreateFile(const Entry& entry) {
  const MutexLock lock(mutex_);
  const auto create = [&entry](int directory) {
    return FileDescriptor(openat(directory, entry.name.c_str(),
                                 O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  };
  FileDescriptor file = create(directory_.fd());
  if (!file.valid() && errno == ENOENT) {
    // Somebody removed the directory.
    auto again = PrivateDirectory::Take(path_, kUse);
    if (!again) return Fail(again.error());
    directory_ = std::move(*again);
    file = create(directory_.fd());
  }
  if (file.valid()) return file;
  return Fail(Code::kInternal, "the cache cannot write in '{}': {}", path_, std::strerror(errno));
}

FileDescriptor FetchCache::OpenFile(const Entry& entry) {
  const MutexLock lock(mutex_);
  return FileDescriptor(
      openat(directory_.fd(), entry.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
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

void FetchCache::Drop(const EntryPointer& entry) {
  if (!entry->kept) return;
  entry->kept = false;
  assert(entry->bytes <= used_bytes_);
  used_bytes_ -= entry->bytes;
  order_.erase(entry->order);
  unlinkat(directory_.fd(), entry->name.c_str(), 0);
  entries_.erase(entry->key);
}

void FetchCache::Release(const EntryPointer& entry) {
  const MutexLock lock(mutex_);
  assert(entry->readers > 0);
  --entry->readers;
  MakeRoom();
}

}  // namespace tepui::containers
