// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace tepui::web {

// The largest body of an agent or an executor. A subscription lists everything that its sender has:
// thousands of tasks, or a few as large as a scheduler's call may be. A sender whose subscription
// were too large could never subscribe again.
inline constexpr size_t kMaxSubscriptionBytes = 512 << 20;

}  // namespace tepui::web
