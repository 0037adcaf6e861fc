// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "capacity/fairness.h"
#include "capacity/report.h"
#include "capacity/usage.h"
#include "resources/resources.h"

namespace tepui::capacity {

// Measures who uses and who waits for resources in a simulation. It is notified of every change
// with its time, which never decreases, and returns the results at the end. Roles are numbered in
// the given order.
class Meter {
 public:
  static constexpr int kIntervals = 720;  // Intervals of the series.

  // `total` is the sum of all agents. `excluded` resources do not count for dominant shares.
  Meter(const Quantities& total, const std::vector<std::string>& roles,
        const std::unordered_map<std::string, double>& weights,
        const std::vector<std::string>& excluded);

  // `by` more tasks of a framework in these roles wait (fewer, if negative).
  void Wait(std::span<const uint32_t> roles, int64_t by, MonotonicTime now);
  // A task of the role starts to run (1) or ends (-1).
  void Run(uint32_t role, const Quantities& amounts, int sign, MonotonicTime now);
  // An offer becomes outstanding (1) or ends (-1).
  void Offer(const Resources& offered, int sign, MonotonicTime now);
  // Must be called at the end of each interval.
  void EndInterval(MonotonicTime now);

  // Resources of running tasks and outstanding offers.
  Quantities Held() const;

  // --- Results, valid after the last interval.
  std::vector<ResourceUse> ResourceUses(MonotonicTime now);
  // All results of a role except the waits.
  RoleResult Role(uint32_t role) const;
  Fairness FairnessOfAll() const;
  Series TakeSeries(Duration interval);

 private:
  struct OfResource {
    ResourceName name;
    Amount total;
    bool counts = true;  // Counts for dominant shares.
    ShareCourse allocated;
    ShareCourse offered;
  };
  struct OfRole {
    std::string name;
    double weight = 1;
    std::vector<Course> used;  // By resource, in thousandths.
    Course waits;              // 1 while tasks wait.
    Course runs;               // 1 while tasks run.
    int64_t waiting = 0;
    int64_t running = 0;
    // Sums over the intervals.
    double share_sum = 0;
    double share_max = 0;
    double waiting_sum = 0;
    double waiting_share_sum = 0;
    double waiting_fair_sum = 0;
  };

  OfResource* Find(const ResourceName& name);
  double TakeDominantShare(OfRole& role, MonotonicTime now);

  std::vector<OfResource> resources_;
  std::vector<OfRole> roles_;
  FairShares fair_shares_;
  Course waiting_;
  Course running_;
  Series series_;
  double contended_intervals_ = 0;
  double jain_sum_ = 0;
};

}  // namespace tepui::capacity
