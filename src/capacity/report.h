#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "capacity/usage.h"

namespace tepui::capacity {

// What a simulation found. Shares are parts of 1; times are simulated ones. The order of everything
// is that of the workload file.

struct ResourceUse {
  std::string name;
  double total = 0;
  Spread allocated;  // By tasks.
  Spread offered;    // To frameworks that have not answered.
};

// How long tasks waited from their arrival to their launch.
struct Waits {
  uint64_t tasks = 0;  // That were launched.
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
  uint64_t running = 0;  // At the end.
  uint64_t waiting = 0;
  Duration longest_waiting{};  // Of those that wait at the end, so far.
};

// made = accepted + declined + rescinded + outstanding. An accepted offer was used at least in
// part.
struct OfferCounts {
  uint64_t made = 0;
  uint64_t accepted = 0;
  uint64_t declined = 0;
  uint64_t rescinded = 0;
  uint64_t outstanding = 0;  // At the end.
};

// Of one entry of the file: all the frameworks that its count makes.
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
  Waits waits;  // Of tasks that were launched in the role.
  // The largest part of the cluster that its tasks have of any one resource that counts for fair
  // sharing.
  double mean_share = 0;
  double max_share = 0;  // Of any interval of the series.
  // The part of the time in which frameworks of it had tasks waiting; what its dominant share was
  // then; and what its part would be by weights, of all that is, among the roles that had tasks
  // waiting or running.
  double waiting = 0;
  double share_while_waiting = 0;
  double fair_share_while_waiting = 0;
};

// Intervals in which two roles or more had tasks waiting most of the time, and Jain's index of
// share / fair share of those roles, in the mean of these intervals.
struct Fairness {
  double contended = 0;  // Part of all intervals.
  double jain_index = 1;
};

// The course of things: the mean of each of equal intervals.
struct Series {
  Duration interval{};
  std::vector<std::vector<double>> allocated;    // By resource, interval.
  std::vector<std::vector<double>> offered;      // The same.
  std::vector<double> waiting;                   // Tasks.
  std::vector<double> running;                   // Tasks.
  std::vector<std::vector<double>> role_shares;  // Dominant shares by role, interval.
};

struct Report {
  Duration duration{};
  uint64_t seed = 0;
  uint64_t agents = 0;
  // Flags as they were, by name.
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

// As a table for people, lines of at most 110 characters but for long names.
std::string ToTable(const Report& report);
// As one JSON object, indented; with the series.
std::string ToJson(const Report& report);

}  // namespace tepui::capacity
