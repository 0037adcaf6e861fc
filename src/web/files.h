// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "base/worker_pool.h"
#include "net/http.h"

namespace tepui::web {

class Router;

// Sandboxes as /files/browse and /files/read show them (reference 1.9). A virtual path stands for a
// directory; only files below an attached directory, with every link resolved, can be read.
// Thread-safe.
class Files {
 public:
  // The most bytes that one read returns: 16 memory pages.
  static constexpr uint64_t kMaxReadBytes = 16 * 4096;

  // Replaces all attached directories: virtual path -> real directory, both absolute, without a
  // trailing slash.
  void Attach(std::map<std::string, std::string> attached);

  // Returns the real path behind a virtual one. kNotFound if nothing is attached there or it does
  // not exist, kForbidden if links lead outside of the attached directory.
  Result<std::string> Resolve(const std::string& path) const;

  // The size of the file, and at most kMaxReadBytes of it from `offset`.
  struct Chunk {
    uint64_t size = 0;
    std::string data;
  };
  Result<Chunk> Read(const std::string& path, uint64_t offset,
                     std::optional<uint64_t> length) const;

  // Adds the two routes. They read on `workers`, in bounded pieces.
  void AddRoutes(Router* router, WorkerPool& workers);

 private:
  void OnRead(const net::Url& url, net::Responder responder) const;
  void OnBrowse(const net::Url& url, net::Responder responder) const;

  mutable Mutex mutex_;
  std::shared_ptr<const std::map<std::string, std::string>> attached_ TEPUI_GUARDED_BY(mutex_) =
      std::make_shared<std::map<std::string, std::string>>();
};

}  // namespace tepui::web
