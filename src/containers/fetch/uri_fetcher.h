// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "container/fetcher.h"
#include "mesos/v1/mesos.pb.h"
#include "shim/launch.h"

namespace tepui::containers {

// Brings a task's URIs into its sandbox (reference 5.6): file (also plain paths), http, https, ftp,
// ftps; `executable`, `extract`, `output_file`; a bounded cache per user that evicts the least
// recently used file that nobody holds. Safe against archives that would write outside the sandbox
// (.., absolute paths, links, devices) or grow beyond a bound when unpacked.
class UriFetcher final : public Fetcher {
 public:
  struct Options {
    std::string cache_dir;  // Emptied at construction.
    uint64_t cache_size_bytes = uint64_t{2} << 30;
    Duration stall_timeout =
        std::chrono::minutes(1);  // A transfer fails after so long without a byte.
    uint64_t max_extracted_bytes = uint64_t{64} << 30;
    uint64_t max_extracted_entries = 1'000'000;
    std::string frameworks_home;  // If set, relative URIs are relative to it.
    int threads = 4;              // Downloads at once; more wait.
  };

  struct Counters {
    uint64_t succeeded = 0, failed = 0;
    uint64_t cache_total_bytes = 0, cache_used_bytes = 0;
  };

  explicit UriFetcher(Options options);
  ~UriFetcher() override;  // Cancels and waits.

  void Fetch(const std::string& id, const v1::CommandInfo& command, const std::string& sandbox,
             const std::optional<shim::Launch::User>& user,
             std::move_only_function<void(Status)> done) override;
  void Cancel(const std::string& id) override;
  Counters counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tepui::containers
