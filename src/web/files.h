// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "net/http.h"

namespace tepui::web {

class Router;

// Sandboxes as /files/browse and /files/read show them (reference 1.9). A virtual path stands for a
// directory; only what is below an attached directory, with every link resolved, can be read. Tasks
// own what is there and may change it at any moment: what is read was opened beneath an attached
// directory, and no link was followed then. Thread-safe.
class Files {
 public:
  // The most bytes that one read returns: 16 memory pages.
  static constexpr uint64_t kMaxReadBytes = 16 * 4096;
  // A directory with more entries is not listed at all: a part of them could pass for the whole.
  static constexpr size_t kMaxEntries = 100'000;

  // `max_entries` bounds what Browse lists.
  explicit Files(size_t max_entries = kMaxEntries) : max_entries_(max_entries) {}

  // Replaces all attached directories: virtual path -> real directory, both absolute, without a
  // trailing slash.
  void Attach(std::map<std::string, std::string> attached);

  // Read and Browse return kNotFound if nothing is attached at the path or it does not exist, and
  // kForbidden if links lead out of the attached directories, or were changed meanwhile.

  // The size of the file, and at most kMaxReadBytes of it from `offset`. kInvalid if it is not a
  // plain file.
  struct Chunk {
    uint64_t size = 0;
    std::string data;
  };
  Result<Chunk> Read(const std::string& path, uint64_t offset,
                     std::optional<uint64_t> length) const;

  // The entries of the directory, sorted by name; links among them are not followed. kTooLarge if
  // there are more than `max_entries`.
  struct Entry {
    std::string name;
    struct stat about;
  };
  Result<std::vector<Entry>> Browse(const std::string& path) const;

  // Adds the two routes. They read on `workers`, in bounded pieces.
  void AddRoutes(Router* router, WorkerPool& workers);

 private:
  // A path beneath a directory in which it has no links, unless they were made just now.
  struct Place {
    std::string root;
    std::string path;
  };
  Result<Place> Find(const std::string& path) const;

  void OnRead(const net::Url& url, net::Responder responder) const;
  void OnBrowse(const net::Url& url, net::Responder responder) const;

  const size_t max_entries_;
  mutable Mutex mutex_;
  std::shared_ptr<const std::map<std::string, std::string>> attached_ TEPUI_GUARDED_BY(mutex_) =
      std::make_shared<std::map<std::string, std::string>>();
};

}  // namespace tepui::web
