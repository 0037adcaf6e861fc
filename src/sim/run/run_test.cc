// SPDX-License-Identifier: Apache-2.0
#include "sim/run/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

RunSpec Small(uint64_t seed) {
  RunSpec spec;
  spec.seed = seed;
  spec.faults = 15;
  spec.length = 5min;
  return spec;
}

std::string ProblemsOf(const RunSpec& spec) {
  const Status status = spec.Check();
  return status ? "" : status.error().message;
}

TEST(RunSpec, MakesSenseAsItIs) {
  EXPECT_EQ(ProblemsOf({}), "");
  RunSpec smallest;
  smallest.size = {.masters = 1, .agents = 1, .frameworks = 0};
  smallest.faults = 0;
  smallest.operator_acts = 0;
  smallest.length = 1ms;
  smallest.only.emplace();
  EXPECT_EQ(ProblemsOf(smallest), "");
}

TEST(RunSpec, AllProblemsAreReportedTogether) {
  RunSpec spec;
  spec.size = {.masters = 0, .agents = -1, .frameworks = -2};
  spec.length = -1s;
  EXPECT_EQ(ProblemsOf(spec),
            "masters must be from 1 to 9, not 0; agents must be from 1 to 1000, not -1; frameworks "
            "must be from 0 to 1000, not -2; length must be more than nothing and at most 1weeks, "
            "not -1secs");
}

TEST(RunSpec, FaultsNeedTime) {
  RunSpec spec;
  spec.length = 10s;
  spec.faults = 11;
  EXPECT_EQ(ProblemsOf(spec), "faults within 10secs must be from 0 to 10, not 11");
  spec.faults = -1;
  EXPECT_THAT(ProblemsOf(spec), HasSubstr("not -1"));
  spec.faults = 10;
  spec.operator_acts = 11;
  EXPECT_EQ(ProblemsOf(spec), "acts of the operator within 10secs must be from 0 to 10, not 11");
  spec.operator_acts = 10;
  EXPECT_EQ(ProblemsOf(spec), "");
}

TEST(RunSpec, OnlyNumbersOfTheRunsFaultsAreAccepted) {
  RunSpec spec;
  spec.only = {0, 23};
  EXPECT_EQ(ProblemsOf(spec), "");
  spec.only = {-1, 24, 3, 3};
  EXPECT_EQ(ProblemsOf(spec),
            "there is no fault -1: the run has 24 of them, from 0; there is no fault 24: the run "
            "has 24 of them, from 0; fault 3 is named twice");
}

// Everything else relies on this; it must also hold with another layout of memory.
TEST(Run, IsItsSeed) {
  std::set<uint64_t> hashes;
  for (const uint64_t seed : {1, 2, 3}) {
    const RunResult first = sim::Run(Small(seed));
    // Changes the layout of memory for the second run.
    const std::vector<std::string> ballast(1 + seed * 1000, std::string(100, 'x'));
    const RunResult second = sim::Run(Small(seed));
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.trace_lines, second.trace_lines);
    EXPECT_EQ(first.tasks_launched, second.tasks_launched);
    EXPECT_GT(first.tasks_launched, 50u);
    EXPECT_GT(first.tasks_finished, 10u);
    EXPECT_GE(first.elections, 1u);
    hashes.insert(first.trace_hash);
  }
  EXPECT_EQ(hashes.size(), 3u);
}

TEST(Run, KeepsItsTraceIfAskedTo) {
  RunSpec spec = Small(4);
  spec.length = 1min;
  spec.faults = 3;
  EXPECT_EQ(sim::Run(spec).trace, "");
  spec.keep_trace = true;
  const RunResult kept = sim::Run(spec);
  EXPECT_EQ(std::ranges::count(kept.trace, '\n'), static_cast<int64_t>(kept.trace_lines));
  for (const Fault& fault : kept.faults) {
    EXPECT_THAT(kept.trace, AllOf(HasSubstr("fault: " + fault.ToString())));
  }
  EXPECT_THAT(kept.trace, HasSubstr("calm"));
}

TEST(Run, OnlyTheFaultsAskedFor) {
  RunSpec spec = Small(4);
  spec.keep_trace = true;
  spec.only = {2};
  const RunResult result = sim::Run(spec);
  EXPECT_EQ(result.faults.size(), 19u) << "15 faults and 4 acts of the operator";
  for (size_t i = 0; i < 19; ++i) {
    const auto there = HasSubstr("fault: " + result.faults[i].ToString());
    if (i == 2) {
      EXPECT_THAT(result.trace, there);
    } else {
      EXPECT_THAT(result.trace, Not(there));
    }
  }
}

// Stores the output of a command; returns false if the command failed.
bool OutputOf(const std::string& command, std::string* output) {
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return false;
  char chunk[1 << 16];
  size_t count = 0;
  while ((count = fread(chunk, 1, sizeof(chunk), pipe)) > 0) output->append(chunk, count);
  return pclose(pipe) == 0;
}

// Each process has another layout of memory (ASLR): nothing may depend on addresses, the log of the
// cores included.
TEST(SimSoak, PrintsTheSameInEveryProcess) {
  const std::string command = std::string(SIM_SOAK) + " --faults=15 --length=5mins --trace --seed=";
  std::string first;
  std::string second;
  std::string other;
  ASSERT_TRUE(OutputOf(command + "7", &first)) << first.substr(first.size() - 500);
  ASSERT_TRUE(OutputOf(command + "7", &second));
  ASSERT_TRUE(OutputOf(command + "8", &other)) << other.substr(other.size() - 500);
  EXPECT_GT(first.size(), 100'000u);
  EXPECT_TRUE(first == second);
  EXPECT_FALSE(first == other);
}

TEST(SimSoak, RefusesWhatMakesNoSense) {
  const auto complaint = [](const std::string& flags) {
    std::string output;
    EXPECT_FALSE(OutputOf(std::string(SIM_SOAK) + " " + flags + " 2>&1", &output)) << flags;
    return output;
  };
  EXPECT_THAT(complaint("--agents=0"), HasSubstr("agents must be from 1 to 1000, not 0"));
  EXPECT_THAT(complaint("--seeds=0"), HasSubstr("--seeds must be at least 1"));
  EXPECT_THAT(complaint("--seeds=2 --duration=1mins"), HasSubstr("exclude each other"));
  EXPECT_THAT(complaint("--duration=0secs"), HasSubstr("must be more than nothing"));
  EXPECT_THAT(complaint("--duration=1mins --trace"), HasSubstr("are for one run"));
  EXPECT_THAT(complaint("--only=1"), HasSubstr("--only needs --seed"));
  EXPECT_THAT(complaint("--seed=1 --only=1,x"), HasSubstr("numbers separated by commas"));
}

TEST(SimSoak, SaysHowFarItCame) {
  std::string output;
  ASSERT_TRUE(OutputOf(std::string(SIM_SOAK) +
                           " --seed=5 --seeds=2 --faults=2 --length=1mins --agents=2 2>/dev/null",
                       &output))
      << output;
  EXPECT_THAT(output, AllOf(HasSubstr("2 seeds, "), HasSubstr("No violations, from seed 5 to 6.")));
}

}  // namespace
}  // namespace tepui::sim
