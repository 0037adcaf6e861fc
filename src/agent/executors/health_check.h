// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "agent/executors/check.h"

namespace tepui::agent {

// Performs TaskInfo.health_check. It reports when the task becomes healthy, and each failure that
// counts; the last failure demands that the task is killed. Failures count after the grace period
// or the first success, whichever comes first.
class HealthChecker {
 public:
  struct Health {
    bool healthy = false;
    bool kill = false;
  };
  using OnHealth = std::function<void(const Health&)>;

  HealthChecker(const Services& services, const v1::HealthCheck& check,
                const ContainerId& container, OnHealth on_health);
  void Stop() { check_.Stop(); }

 private:
  void OnResult(const Result<v1::CheckStatusInfo>& result);
  bool InGrace() const;

  const Services& services_;
  const v1::HealthCheck health_check_;
  const OnHealth on_health_;
  const MonotonicTime start_;
  bool ever_healthy_ = false;
  uint32_t failures_ = 0;  // Consecutive.
  PeriodicCheck check_;
};

}  // namespace tepui::agent
