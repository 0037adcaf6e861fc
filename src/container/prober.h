// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace tepui::containers {

// Performs network checks of the agent's tasks, from the agent's host. Callbacks run on the agent's
// thread.
class Prober {
 public:
  virtual ~Prober() = default;
  // Sends a GET. The result is the HTTP status, or the reason why there is none.
  virtual void Http(const std::string& scheme, const std::string& host, uint16_t port,
                    const std::string& path, Duration timeout,
                    std::move_only_function<void(Result<int>)> callback) = 0;
  // The result is true if a connection could be made.
  virtual void Tcp(const std::string& host, uint16_t port, Duration timeout,
                   std::move_only_function<void(Result<bool>)> callback) = 0;
};

}  // namespace tepui::containers
