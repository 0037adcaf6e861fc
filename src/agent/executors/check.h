// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "agent/services/services.h"
#include "base/timer.h"

namespace tepui::agent {

// Performs one check of a running task repeatedly: first after its delay, then each time its
// interval has passed since the last result (reference 2.5). Its owner may destroy it at any time;
// a result that comes later is dropped.
class PeriodicCheck {
 public:
  struct What {
    v1::CheckInfo check;
    ContainerId container;  // The container in which COMMAND runs.
    std::string scheme = "http";
    bool ipv6 = false;
  };
  // Receives what the check found, or why it found nothing (it timed out, or could not start). May
  // destroy the check.
  using OnResult = std::function<void(const Result<v1::CheckStatusInfo>&)>;

  PeriodicCheck(const Services& services, What what, OnResult on_result);

  // No result is reported afterwards.
  void Stop();

 private:
  void Schedule(Duration delay);
  void Perform();
  void PerformCommand();
  void PerformHttp();
  void PerformTcp();
  void Finish(const Result<v1::CheckStatusInfo>& result);

  const Services& services_;
  const What what_;
  const OnResult on_result_;
  bool stopped_ = false;
  Timer next_;
  Lifetime lifetime_;
};

// Performs TaskInfo.check, and reports each change of what the check finds.
class Checker {
 public:
  using OnChange = std::function<void(const v1::CheckStatusInfo&)>;

  Checker(const Services& services, const v1::CheckInfo& check, const ContainerId& container,
          OnChange on_change);
  void Stop() { check_.Stop(); }

 private:
  void OnResult(const Result<v1::CheckStatusInfo>& result);

  const v1::CheckStatusInfo nothing_;
  const OnChange on_change_;
  std::string last_;  // Serialized.
  PeriodicCheck check_;
};

}  // namespace tepui::agent
