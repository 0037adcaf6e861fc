// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "container/fetcher.h"
#include "containers/fetch/download.h"

namespace tepui::containers {

// Brings a task's URIs into its sandbox (reference 5.6): file (also plain paths), http, https, ftp,
// ftps; `executable`, `extract`, `output_file`; a bounded cache per user that evicts the least
// recently used file that nobody holds. Safe against archives that would write outside the sandbox
// (.., absolute paths, links, devices). What one task fetches and unpacks is bounded by its disk,
// by `max_bytes`, and by what is free. Frameworks take turns, so that none can keep the others from
// fetching.
class UriFetcher final : public Fetcher {
 public:
  struct Options {
    std::string cache_dir;  // Private to this fetcher; emptied at construction.
    uint64_t cache_size_bytes = uint64_t{2} << 30;
    Pace pace;  // Slower transfers fail.
    uint64_t max_bytes = uint64_t{64} << 30;
    uint64_t max_extracted_entries = 1'000'000;
    uint64_t disk_reserve_bytes = 64 << 20;  // Stay free on every disk written to.
    std::string frameworks_home;             // If set, relative URIs are relative to it.
    int threads = 16;                        // Fetches at once; more wait.
    int threads_per_framework = 4;           // Less than `threads`.
  };

  struct Counters {
    uint64_t succeeded = 0, failed = 0;
    uint64_t cache_total_bytes = 0, cache_used_bytes = 0;
  };

  // Fails if the directory of the cache cannot be private (see PrivateDirectory::Take).
  static Result<std::unique_ptr<UriFetcher>> Create(Options options);
  ~UriFetcher() override;  // Cancels and waits.

  void Fetch(FetchRequest request, std::move_only_function<void(Status)> done) override;
  void Cancel(const std::string& id) override;
  Counters counters() const;

 private:
  class Impl;
  explicit UriFetcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::containers
