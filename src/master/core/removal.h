// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "master/view/metrics.h"

namespace tepui::master {

// How and why an agent leaves the cluster.
struct Removal {
  enum class How {
    kUnreachable,  // It did not answer, and may return with its tasks.
    kGone,         // An operator marked it gone.
    kRemoved,      // It unregistered, or a new agent has its address.
  };

  How how{};
  std::optional<Counter> reason;  // Counted besides Counter::kAgentRemovals.
  std::string why;                // A sentence for the log and the statuses of its tasks.
  WallTime when{};                // When its removal began.
};

}  // namespace tepui::master
