#pragma once

#include "base/backoff.h"

namespace tepui::agent {

// When what nobody answers, or what failed, is tried again (reference 2.7): after 10 s, 20 s ... 10
// minutes.
constexpr Backoff RetryBackoff() { return {std::chrono::seconds(10), std::chrono::minutes(10)}; }

}  // namespace tepui::agent
