// SPDX-License-Identifier: Apache-2.0
// Runs a fixed set of seeds: real clusters under faults, in which all invariants hold. Their number
// is a count, not a time, so that the same runs are made on every machine
// (docs/testing/simulator.md).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/run/run.h"

namespace tepui::sim {
namespace {

// Sanitizers make a run take several times as long.
#ifdef TEPUI_SANITIZED
constexpr uint64_t kShare = 5;
#else
constexpr uint64_t kShare = 1;
#endif

struct Work {
  uint64_t runs = 0;
  uint64_t launched = 0;
  uint64_t finished = 0;
  uint64_t elections = 0;
};

// Runs `spec` with `seeds` seeds, starting from its own; a failure names the command that repeats
// the run.
Work RunSeeds(RunSpec spec, uint64_t seeds) {
  Work work;
  for (const uint64_t last = spec.seed + seeds / kShare; spec.seed < last; ++spec.seed) {
    const RunResult result = sim::Run(spec);
    for (const Violation& violation : result.violations) {
      ADD_FAILURE() << violation.invariant << ": " << violation.what
                    << "\nAgain: sim_soak --seed=" << spec.seed
                    << " --masters=" << spec.size.masters << " --agents=" << spec.size.agents
                    << " --frameworks=" << spec.size.frameworks << " --faults=" << spec.faults
                    << " --operator_acts=" << spec.operator_acts;
    }
    ++work.runs;
    work.launched += result.tasks_launched;
    work.finished += result.tasks_finished;
    work.elections += result.elections;
  }
  return work;
}

// Checks that find nothing mean little unless enough happened.
void ExpectWork(const Work& work, uint64_t launched_per_run) {
  ASSERT_GT(work.runs, 0u);
  EXPECT_GE(work.launched, launched_per_run * work.runs);
  EXPECT_GE(work.finished, work.launched / 3);
  EXPECT_GE(work.elections, work.runs);
}

TEST(Seeds, OfThreeMastersAndFiveAgents) {
  RunSpec spec;
  spec.seed = 1;
  const Work work = RunSeeds(spec, 40);
  ExpectWork(work, 2000);
  EXPECT_GE(work.elections, work.runs + work.runs / 2) << "masters fail over";
}

TEST(Seeds, OfThreeTimesTheFaults) {
  RunSpec spec;
  spec.seed = 10'001;
  spec.faults = 60;
  ExpectWork(RunSeeds(spec, 10), 1000);
}

// A lone master can only fail over to itself.
TEST(Seeds, OfOneMasterAndTwoAgents) {
  RunSpec spec;
  spec.seed = 20'001;
  spec.size = {.masters = 1, .agents = 2, .frameworks = 5};
  ExpectWork(RunSeeds(spec, 10), 300);
}

TEST(Seeds, OfAnOperatorWhoIsBusy) {
  RunSpec spec;
  spec.seed = 40'001;
  spec.operator_acts = 20;
  ExpectWork(RunSeeds(spec, 10), 1000);
}

TEST(Seeds, OfFiveMastersAndFifteenAgents) {
  RunSpec spec;
  spec.seed = 30'001;
  spec.size = {.masters = 5, .agents = 15, .frameworks = 10};
  spec.faults = 40;
  ExpectWork(RunSeeds(spec, 5), 5000);
}

// What never happens is not checked: a bug in the simulator could keep a whole part of the cores
// out of every run.
TEST(Seeds, BetweenThemEverythingHappens) {
  if (kShare > 1)
    GTEST_SKIP() << "the same runs happen without a sanitizer, in a tenth of the time";
  std::vector<std::string> missing = {"registry takes admit",
                                      "registry takes unreachable",
                                      "registry takes reachable",
                                      "registry takes remove",
                                      "registry takes the removal of framework",
                                      "registry takes gone",
                                      "operator-0: MARK_AGENT_GONE",
                                      "operator-0: TEARDOWN",
                                      "at /teardown",
                                      "is answered 200",
                                      "is answered 307",
                                      "is answered 400",
                                      "is answered 404",
                                      "is answered 503",
                                      "has no answer: ",
                                      "hears SHUTDOWN\n",
                                      "'s session",
                                      "hears RUN_TASK_GROUP",
                                      "hears SHUTDOWN_EXECUTOR",
                                      "hears SHUTDOWN_FRAMEWORK",
                                      "hears FRAMEWORK_MESSAGE",
                                      "hears APPLY_OPERATION",
                                      "sends EXECUTOR_EXITED",
                                      "sends UNREGISTER",
                                      "-executor: task",
                                      "is TASK_STARTING",
                                      "is TASK_RUNNING",
                                      "is TASK_KILLING",
                                      "is TASK_FINISHED",
                                      "is TASK_FAILED",
                                      "is TASK_KILLED",
                                      "is TASK_ERROR",
                                      "is TASK_DROPPED",
                                      "is TASK_LOST",
                                      "is TASK_UNREACHABLE",
                                      "is TASK_GONE\n",
                                      "is TASK_GONE_BY_OPERATOR",
                                      "is TASK_UNKNOWN",
                                      "is healthy",
                                      "is not healthy",
                                      "'s check found something else",
                                      "asks for CREATE",
                                      "asks for GROW_VOLUME",
                                      "begins anew",
                                      "ends, The store failed",
                                      "the agent's process is killed",
                                      "ends, shut down",
                                      "crashes"};
  RunSpec spec;
  spec.keep_trace = true;
  for (spec.seed = 1; spec.seed <= 20 && !missing.empty(); ++spec.seed) {
    const RunResult result = sim::Run(spec);
    std::erase_if(missing, [&](const std::string& what) { return result.trace.contains(what); });
  }
  EXPECT_THAT(missing, ::testing::IsEmpty());
}

}  // namespace
}  // namespace tepui::sim
