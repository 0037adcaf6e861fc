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

// Watches a simulation: who uses what, who waits. Told of every change with its time, which does
// not fall; asked for the results at the end. Roles are numbered as given.
class Meter {
 public:
  static constexpr int kIntervals = 720;  // Of the series.

  // `total`: of all agents. `excluded`: resources that do not count for dominant shares.
  Meter(const Quantities& total, const std::vector<std::string>& roles,
        const std::unordered_map<std::string, double>& weights,
        const std::vector<std::string>& excluded);

  // `by` more tasks wait (fewer, if negative), of a framework in these roles.
  void Wait(std::span<const uint32_t> roles, int64_t by, MonotonicTime now);
  // A task of the role runs from now on (1), or no more (-1).
  void Run(uint32_t role, const Quantities& amounts, int sign, MonotonicTime now);
  // An offer is kept unanswered from now on (1), or no more (-1).
  void Offer(const Resources& offered, int sign, MonotonicTime now);
  // The end of an interval.
  void EndInterval(MonotonicTime now);

  // What tasks have and offers hold now.
  Quantities Held() const;

  // --- Results. After the last interval.
  std::vector<ResourceUse> ResourceUses(MonotonicTime now);
  // All of a role's results but the waits.
  RoleResult Role(uint32_t role) const;
  Fairness FairnessOfAll() const;
  Series TakeSeries(Duration interval);

 private:
  struct OfResource {
    ResourceName name;
    Amount total;
    bool counts = true;  // For dominant shares.
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
    // Sums over intervals.
    double share_sum = 0;
    double share_max = 0;
    double waiting_sum = 0;
    double waiting_share_sum = 0;
    double waiting_fair_sum = 0;
  };

  OfResource* Find(ResourceName name);
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
