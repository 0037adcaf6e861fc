// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/clock.h"

namespace tepui {

// How long to wait between tries: `first`, then twice the last wait each time, up to `longest`.
class Backoff {
 public:
  constexpr Backoff(Duration first, Duration longest)
      : first_(first), longest_(longest), next_(first) {}

  constexpr Duration Next() {
    const Duration wait = next_;
    next_ = wait > longest_ / 2 ? longest_ : wait * 2;
    return wait;
  }
  constexpr void Reset() { next_ = first_; }

 private:
  Duration first_;
  Duration longest_;
  Duration next_;
};

}  // namespace tepui
