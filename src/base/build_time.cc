// SPDX-License-Identifier: Apache-2.0
#include "base/build_time.h"

#include <fmt/chrono.h>

namespace tepui {

int64_t BuildTime() { return TEPUI_BUILD_TIME; }

std::string BuildDate() { return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(BuildTime())); }

}  // namespace tepui
