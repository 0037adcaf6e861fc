// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/backoff.h"

namespace tepui::agent {

// The intervals after which something that failed or was not answered is tried again
// (reference 2.7): 10 s, 20 s ... 10 minutes.
constexpr Backoff RetryBackoff() { return {std::chrono::seconds(10), std::chrono::minutes(10)}; }

}  // namespace tepui::agent
