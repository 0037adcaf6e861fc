// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "containers/fetch/fetch_budget.h"

namespace tepui::containers {

struct ExtractLimits {
  FetchBudget& budget;  // For the unpacked bytes.
  uint64_t max_entries = 1'000'000;
};

// Unpacks the archive read from `fd` (tar in any compression, zip, or one gzipped file, which is
// called `plain_name`) below `directory`. Refuses entries that would be written elsewhere (absolute
// paths, "..", paths through a link, hard links to files that the archive did not contain), devices
// and pipes, and archives beyond the limits. Names are UTF-8, or
// bytes as the archive has them. Clears the setuid, setgid and sticky bits. What was
// unpacked before an error stays. `cancelled` is called between blocks.
//
// Uses the calling thread's file system identity.
Status Extract(int fd, const std::string& directory, const std::string& plain_name,
               const ExtractLimits& limits, const std::function<bool()>& cancelled);

}  // namespace tepui::containers
