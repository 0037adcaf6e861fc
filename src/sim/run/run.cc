// SPDX-License-Identifier: Apache-2.0
#include "sim/run/run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <exception>
#include <set>
#include <utility>

#include "base/units.h"
#include "sim/cluster/cluster.h"
#include "sim/invariants/invariants.h"

namespace tepui::sim {
namespace {

// Upper bounds of a run, so that it ends in reasonable time.
constexpr int kMostMasters = 9;
constexpr int kMostAgents = 1'000;
constexpr int kMostFrameworks = 1'000;
constexpr Duration kLongest = std::chrono::days(7);
// With more faults than that the cluster would hardly work at all.
constexpr Duration kLeastTimePerFault = std::chrono::seconds(1);

void CheckRange(std::string_view what, int value, int least, int most,
                std::vector<std::string>* problems) {
  if (value < least || value > most)
    problems->push_back(fmt::format("{} must be from {} to {}, not {}", what, least, most, value));
}

// Watches for a violation that ends the run.
class Watch {
 public:
  Watch(const Invariants& invariants, const std::string& stop_at)
      : invariants_(invariants), stop_at_(stop_at) {}

  bool Found() {
    if (stop_at_.empty()) return false;
    const std::vector<Violation>& violations = invariants_.violations();
    while (!found_ && seen_ < violations.size()) found_ = violations[seen_++].invariant == stop_at_;
    return found_;
  }

 private:
  const Invariants& invariants_;
  const std::string& stop_at_;
  size_t seen_ = 0;
  bool found_ = false;
};

// Returns false if the run ended early.
bool Advance(World& world, Duration by, Watch& watch) {
  bool arrived = false;
  const TimerId end = world.clock().After(by, [&arrived] { arrived = true; });
  while (!arrived && !watch.Found()) world.clock().Step();
  world.clock().Cancel(end);
  return arrived;
}

void Drive(const RunSpec& spec, World& world, Cluster& cluster, Invariants& invariants,
           const std::vector<Fault>& faults) {
  cluster.Start();
  std::set<int> chosen;
  for (int i = 0; i < static_cast<int>(faults.size()); ++i) chosen.insert(i);
  if (spec.only) chosen = {spec.only->begin(), spec.only->end()};
  for (const int i : chosen) {
    const Fault& fault = faults[static_cast<size_t>(i)];
    world.clock().After(fault.at, [&cluster, &fault] { cluster.Do(fault); });
  }
  Watch watch(invariants, spec.stop_at);
  if (!Advance(world, spec.length, watch)) return;
  cluster.Calm();
  if (!Advance(world, RunSpec::kConvergence, watch)) return;
  invariants.CheckAtRest(cluster);
}

}  // namespace

Status RunSpec::Check() const {
  std::vector<std::string> problems;
  CheckRange("masters", size.masters, 1, kMostMasters, &problems);
  CheckRange("agents", size.agents, 1, kMostAgents, &problems);
  CheckRange("frameworks", size.frameworks, 0, kMostFrameworks, &problems);
  if (length <= Duration::zero() || length > kLongest) {
    problems.push_back(fmt::format("length must be more than nothing and at most {}, not {}",
                                   FormatDuration(kLongest), FormatDuration(length)));
  } else {
    CheckRange(fmt::format("faults within {}", FormatDuration(length)), faults, 0,
               static_cast<int>(length / kLeastTimePerFault), &problems);
    CheckRange(fmt::format("acts of the operator within {}", FormatDuration(length)), operator_acts,
               0, static_cast<int>(length / kLeastTimePerFault), &problems);
  }
  std::set<int> seen;
  for (const int number : only.value_or(std::vector<int>())) {
    if (number < 0 || number >= faults + operator_acts) {
      problems.push_back(fmt::format("there is no fault {}: the run has {} of them, from 0", number,
                                     faults + operator_acts));
    } else if (!seen.insert(number).second) {
      problems.push_back(fmt::format("fault {} is named twice", number));
    }
  }
  if (problems.empty()) return {};
  return Fail(Code::kInvalid, "{}", fmt::join(problems, "; "));
}

std::vector<Fault> RunSpec::Faults() const {
  std::vector<Fault> all = MakeFaults(seed, size, faults, length);
  const std::vector<Fault> acts = MakeOperatorActs(seed, size, all, operator_acts, length);
  all.insert(all.end(), acts.begin(), acts.end());
  return all;
}

RunResult Run(const RunSpec& spec) {
  RunResult result;
  result.faults = spec.Faults();
  World world(spec.seed, spec.keep_trace);
  world.trace().CopyTo(spec.trace_to);
  Invariants invariants(world);
  try {
    Cluster cluster(world, invariants, spec.size);
    Drive(spec, world, cluster, invariants, result.faults);
    for (const auto& scheduler : cluster.schedulers()) {
      for (const auto& [id, state] : scheduler->tasks()) {
        ++result.tasks_launched;
        if (state == v1::TASK_FINISHED) ++result.tasks_finished;
      }
    }
    result.elections = cluster.election().epoch();
  } catch (const std::exception& thrown) {
    result.violations.push_back({.invariant = "no-exception",
                                 .when = world.clock().Now(),
                                 .what = fmt::format("a core threw: {}", thrown.what())});
  }
  result.violations.insert(result.violations.begin(), invariants.violations().begin(),
                           invariants.violations().end());
  result.trace_hash = world.trace().hash();
  result.trace_lines = world.trace().lines();
  if (spec.keep_trace) result.trace = world.trace().text();
  return result;
}

}  // namespace tepui::sim
