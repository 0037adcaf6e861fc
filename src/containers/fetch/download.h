#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace tepui::containers {

// Writes what `url` (http, https, ftp, ftps; redirects are followed) gives to `fd`. Given up with
// kUnavailable if no byte comes for `stall_timeout`, or soon after `cancelled` says so. The
// sentence names the HTTP status or the reason.
Status Download(const std::string& url, int fd, Duration stall_timeout,
                const std::function<bool()>& cancelled);

}  // namespace tepui::containers
