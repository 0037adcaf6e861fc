#pragma once

#include <cstddef>

namespace tepui::web {

// A body of an agent, or of an executor: a subscription tells of all that there is, thousands of
// tasks, or a few that are as large as a scheduler's call may be. One that were too large would
// keep its sender out for good.
inline constexpr size_t kMaxSubscriptionBytes = 512 << 20;

}  // namespace tepui::web
