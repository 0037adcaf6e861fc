// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace tepui {

// The time of the source that this program was built from, in seconds since 1970: that of its
// commit, so that the same source always makes the same program.
int64_t BuildTime();
// The same as "2026-11-29 13:12:24" (UTC), the form of Mesos' build_date.
std::string BuildDate();

}  // namespace tepui
