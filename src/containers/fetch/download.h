// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "containers/fetch/fetch_budget.h"

namespace tepui::containers {

// When a transfer is too slow to be continued.
struct Pace {
  // Without a single byte for so long.
  Duration stall_timeout = std::chrono::minutes(1);
  // With fewer bytes a second on the average of a window. The window is at least as long as the
  // stall timeout, so that a pause which that allows does not count as slow.
  uint64_t bytes_per_second = 1024;
  Duration window = std::chrono::minutes(1);
};

// Downloads `url` (http, https, ftp, ftps; redirects are followed) into `fd`. Fails with
// kUnavailable if it is too slow, or soon after `cancelled` returns true, and as `budget` does if
// it is too large. The error names the HTTP status or the reason.
Status Download(const std::string& url, int fd, const Pace& pace, FetchBudget& budget,
                const std::function<bool()>& cancelled);

}  // namespace tepui::containers
