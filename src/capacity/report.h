// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "capacity/usage.h"

namespace tepui::capacity {

// The result of a simulation. Shares are fractions of 1; times are simulated. Everything has the
// order of the workload file.

struct ResourceUse {
  std::string name;
  double total = 0;
  Spread allocated;  // Used by tasks.
  Spread offered;    // Offered to frameworks that have not answered.
};

// How long tasks waited from their arrival to their launch.
struct Waits {
  uint64_t tasks = 0;  // Tasks that were launched.
  Duration min{};
  Duration mean{};
  Duration p50{};
  Duration p95{};
  Duration p99{};
  Duration max{};
};

// arrived = finished + running + waiting.
struct TaskCounts {
  uint64_t arrived = 0;
  uint64_t finished = 0;
  uint64_t running = 0;  // At the end of the simulation.
  uint64_t waiting = 0;
  Duration longest_waiting{};  // The longest wait so far of the tasks that wait at the end.
};

// made = accepted + declined + rescinded + outstanding. An accepted offer was used at least in
// part.
struct OfferCounts {
  uint64_t made = 0;
  uint64_t accepted = 0;
  uint64_t declined = 0;
  uint64_t rescinded = 0;
  uint64_t outstanding = 0;  // At the end of the simulation.
};

// The result for one entry of the file: all the frameworks that its count makes.
struct FrameworkResult {
  std::string name;
  uint64_t count = 1;
  std::vector<std::string> roles;
  TaskCounts tasks;
  OfferCounts offers;
  Waits waits;
};

struct RoleResult {
  std::string name;
  double weight = 1;
  Waits waits;  // Waits of the tasks launched in the role.
  // Dominant share: the largest fraction of the cluster that its tasks use of any one resource that
  // counts for fair sharing.
  double mean_share = 0;
  double max_share = 0;  // The maximum over the intervals of the series.
  // The fraction of the time in which its frameworks had tasks waiting; its mean dominant share
  // then; and its mean fair share by weight of the whole cluster then, among the roles that had
  // tasks waiting or running.
  double waiting = 0;
  double share_while_waiting = 0;
  double fair_share_while_waiting = 0;
};

// Intervals in which at least two roles had tasks waiting most of the time, and Jain's index of
// share / fair share of those roles, averaged over these intervals.
struct Fairness {
  double contended = 0;  // Fraction of all intervals.
  double jain_index = 1;
};

// Values over time: the means of intervals of equal length.
struct Series {
  Duration interval{};
  std::vector<std::vector<double>> allocated;    // By resource, interval.
  std::vector<std::vector<double>> offered;      // By resource, interval.
  std::vector<double> waiting;                   // Number of tasks.
  std::vector<double> running;                   // Number of tasks.
  std::vector<std::vector<double>> role_shares;  // Dominant shares by role, interval.
};

struct Report {
  Duration duration{};
  uint64_t seed = 0;
  uint64_t agents = 0;
  // The flags with their values, by name.
  std::vector<std::pair<std::string, std::string>> policy;

  std::vector<ResourceUse> resources;
  TaskCounts tasks;
  OfferCounts offers;
  Waits waits;
  std::vector<FrameworkResult> frameworks;
  std::vector<RoleResult> roles;
  Fairness fairness;
  uint64_t allocation_runs = 0;
  uint64_t agents_visited = 0;
  Series series;
};

// A table for people; lines have at most 110 characters unless names are long.
std::string ToTable(const Report& report);
// One indented JSON object that includes the series.
std::string ToJson(const Report& report);

}  // namespace tepui::capacity
