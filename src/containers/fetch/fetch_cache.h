// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "base/posix/file_descriptor.h"
#include "base/posix/private_directory.h"
#include "base/result.h"

namespace tepui::containers {

// Keeps fetched files for later tasks that need them: one file per entry, in a private directory.
// Its size in bytes is bounded; the least recently used entry that nobody reads is evicted first.
// Thread-safe.
class FetchCache {
 public:
  // Takes `directory` as PrivateDirectory::Take does, with its errors, and empties it.
  static Result<std::unique_ptr<FetchCache>> Open(const std::string& directory, uint64_t max_bytes);

 private:
  struct Entry;

 public:
  // A file of the cache, open for reading from its start. It is not evicted while the lease exists.
  class Lease {
   public:
    Lease(FetchCache* cache, std::shared_ptr<Entry> entry, FileDescriptor file);
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    int fd() const { return file_.get(); }

   private:
    friend class FetchCache;
    // Returns false if the file is no longer there, or not as it was written.
    bool IsWhole() const;

    FetchCache* cache_;
    std::shared_ptr<Entry> entry_;
    FileDescriptor file_;
  };

  // Returns the file of `key`; if there is none, `fill` writes it to the descriptor that it gets.
  // One caller fills; others that ask for the same key wait for it (or until `cancelled`), and if
  // it fails, each of them tries. A file that was deleted or changed on disk is filled again. A
  // file that does not fit is used by this lease only and is not kept.
  Result<Lease> Get(const std::string& key, const std::function<Status(int fd)>& fill,
                    const std::function<bool()>& cancelled);

  const std::string& path() const { return path_; }
  uint64_t max_bytes() const { return max_bytes_; }
  uint64_t used_bytes() const;

 private:
  struct Entry {
    std::string key, name;
    uint64_t bytes = 0;
    int readers = 0;
    bool ready = false;
    bool kept = true;  // Still in the index.
    std::list<std::string>::iterator order;
  };
  using EntryPointer = std::shared_ptr<Entry>;

  FetchCache(PrivateDirectory directory, uint64_t max_bytes)
      : max_bytes_(max_bytes), path_(directory.path()), directory_(std::move(directory)) {}

  // Returns the entry of `key`, with one reader more, or a new one that the caller has to fill.
  Result<EntryPointer> Claim(const std::string& key, const std::function<bool()>& cancelled,
                             bool* is_new);
  Result<Lease> Fill(const EntryPointer& entry, const std::function<Status(int fd)>& fill);
  Result<FileDescriptor> CreateFile(const Entry& entry);
  FileDescriptor OpenFile(const Entry& entry);
  void MakeRoom() TEPUI_REQUIRES(mutex_);
  void Drop(const EntryPointer& entry) TEPUI_REQUIRES(mutex_);
  void Release(const EntryPointer& entry);

  const uint64_t max_bytes_;
  const std::string path_;
  mutable Mutex mutex_;
  PrivateDirectory directory_ TEPUI_GUARDED_BY(mutex_);
  CondVar changed_;
  std::unordered_map<std::string, EntryPointer> entries_ TEPUI_GUARDED_BY(mutex_);
  std::list<std::string> order_ TEPUI_GUARDED_BY(mutex_);  // Keys, least recently used first.
  uint64_t used_bytes_ TEPUI_GUARDED_BY(mutex_) = 0;
  uint64_t next_file_ TEPUI_GUARDED_BY(mutex_) = 0;
};

}  // namespace tepui::containers
