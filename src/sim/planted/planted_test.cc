// SPDX-License-Identifier: Apache-2.0
// Tests that the checks of the simulator can fail: each bug that is planted in the cores
// (base/planted_fault.h) is found by the invariant that it breaks. The files of the cores that
// contain planted bugs are compiled into this test a second time, with the bugs enabled.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "base/planted_fault.h"
#include "sim/run/isolated_run.h"

namespace tepui {
namespace {

std::string switched_on;

}  // namespace

bool PlantedFault(std::string_view name) { return name == switched_on; }

namespace sim {
namespace {

// Every bug is found by one of the seeds from 1 to this one.
constexpr uint64_t kMostSeeds = 30;
// The operator is busy in runs whose bug is about its calls.
constexpr int kActs = 15;
// Limit in real time, because a bug may make a run endless.
constexpr Duration kLimit = std::chrono::minutes(5);

struct Planted {
  std::string name;
  std::vector<std::string> found_by;  // One of these invariants must be the first that is violated.
  int faults = 60;
  std::string also{};  // If not empty, one of the seeds must violate this invariant too.
  int operator_acts = 0;
};

void PrintTo(const Planted& planted, std::ostream* out) { *out << planted.name; }

const Planted kPlanted[] = {
    // --- The master.
    {"admission-not-awaited", {"durable-first"}},
    {"loss-not-awaited", {"durable-first"}},
    {"removal-not-awaited", {"durable-first"}},
    {"rescind-not-told", {"offered-once"}},
    // An agent that unregisters leaves such an offer behind.
    {"rescinded-offer-stands", {"books", "offered-once", "no-crash"}, 60, "offered-once"},
    {"held-by-agent-only", {"books"}},
    {"recovered-twice", {"offered-once", "capacity"}},
    {"executor-not-counted", {"offered-once", "capacity"}},
    {"returning-executors-not-counted", {"converged", "capacity"}},
    {"end-told-before-what-came-before", {"status-order"}},
    {"known-tasks-not-answered", {"told-truth"}},
    {"unreachable-answered-as-gone", {"dead-stays-dead", "durable-first", "status-order"}},
    {"late-acknowledgement-refused", {"statuses-arrive", "converged"}, 60, "statuses-arrive"},
    {"history-never-cut", {"bounded"}},
    // --- The master, when an operator acts.
    {.name = "gone-not-awaited", .found_by = {"answers-hold"}, .operator_acts = kActs},
    {.name = "lost-tasks-of-gone-not-told", .found_by = {"gone-is-told"}, .operator_acts = kActs},
    {.name = "gone-agents-not-recovered",
     .found_by = {"gone-is-told", "gone-stays-gone"},
     .also = "gone-stays-gone",
     .operator_acts = kActs},
    {.name = "removed-framework-kept-by-agents-away",
     .found_by = {"removed-stays-removed", "nothing-forgotten", "converged", "capacity"},
     .also = "removed-stays-removed",
     .operator_acts = kActs},
    // --- The agent.
    {"acknowledged-sent-again", {"acknowledged-once"}},
    {"next-before-acknowledgement", {"acknowledged-once"}},
    {"statuses-sent-once", {"agent-books"}, 60, "statuses-arrive"},
    {"limits-of-ended-tasks-kept", {"agent-books"}},
    {"last-acknowledgement-lost", {"statuses-arrive", "converged", "status-order"}},
    {"starts-before-record", {"saved-before-run"}},
    {"told-before-it-is-saved", {"saved-first"}},
    {"outcome-told-before-it-is-saved", {"saved-first"}},
    {"killed-told-too-early", {"dead-stays-dead"}},
    {"failed-task-restarted", {"runs-once"}},
    {"running-tasks-not-reported", {"capacity", "dead-stays-dead", "nothing-forgotten"}},
    {"executor-end-not-told", {"converged"}},
    {"removed-framework-runs-on", {"nothing-forgotten", "converged"}, 60, "nothing-forgotten"},
    {"comes-back-after-unregistering", {"gone-stays-gone"}},
    // --- The allocator.
    {"used-of-returning-agent-free", {"offered-once", "capacity"}},
    {"freed-agents-not-visited", {"books"}},
    // --- The store.
    // A leader must be paused until another one leads, and have something to write afterwards.
    {"deposed-writer-not-fenced", {"one-leader"}, 200},
};

RunResult RunWith(const std::string& fault, uint64_t seed, const Planted& planted) {
  switched_on = fault;
  RunSpec spec;
  spec.seed = seed;
  spec.faults = planted.faults;
  spec.operator_acts = planted.operator_acts;
  return RunIsolated(spec, kLimit);
}

class PlantedFaults : public ::testing::TestWithParam<Planted> {};

TEST_P(PlantedFaults, AreFound) {
  const auto& [name, found_by, faults, also, operator_acts] = GetParam();
  for (uint64_t seed = 1; seed <= kMostSeeds; ++seed) {
    const RunResult result = RunWith(name, seed, GetParam());
    if (result.violations.empty()) continue;
    const Violation& first = result.violations.front();
    EXPECT_THAT(found_by, ::testing::Contains(first.invariant))
        << "seed " << seed << ": " << first.what;
    const auto breaks = [&](const Violation& violation) { return violation.invariant == also; };
    if (!also.empty() && std::ranges::none_of(result.violations, breaks)) continue;
    // The planted bug was the cause.
    EXPECT_THAT(RunWith("", seed, GetParam()).violations, ::testing::IsEmpty()) << "seed " << seed;
    return;
  }
  ADD_FAILURE() << "None of " << kMostSeeds << " seeds finds it";
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedFaults, ::testing::ValuesIn(kPlanted),
                         [](const ::testing::TestParamInfo<Planted>& info) {
                           std::string name = info.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace sim
}  // namespace tepui
