// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace tepui::containers {

// Downloads `url` (http, https, ftp, ftps; redirects are followed) into `fd`. Fails with
// kUnavailable if no byte arrives for `stall_timeout`, or soon after `cancelled` returns true. The
// error names the HTTP status or the reason.
Status Download(const std::string& url, int fd, Duration stall_timeout,
                const std::function<bool()>& cancelled);

}  // namespace tepui::containers
