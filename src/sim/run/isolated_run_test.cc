// SPDX-License-Identifier: Apache-2.0
#include "sim/run/isolated_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace tepui::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Isolated, HandsTheResultOver) {
  RunResult made;
  made.violations = {{.invariant = "a", .when = MonotonicTime(3s), .what = "b"},
                     {.invariant = "", .when = {}, .what = std::string(100'000, 'x')}};
  made.trace_hash = ~uint64_t{0};
  made.trace_lines = 1;
  made.trace = "line\n";
  made.tasks_launched = 2;
  made.tasks_finished = 3;
  made.elections = 4;
  const RunResult got = Isolated([&] { return made; }, 1min);
  ASSERT_THAT(got.violations, SizeIs(2));
  EXPECT_EQ(got.violations[0].invariant, "a");
  EXPECT_EQ(got.violations[0].when, MonotonicTime(3s));
  EXPECT_EQ(got.violations[0].what, "b");
  EXPECT_EQ(got.violations[1].what, made.violations[1].what);
  EXPECT_EQ(got.trace_hash, made.trace_hash);
  EXPECT_EQ(got.trace_lines, 1u);
  EXPECT_EQ(got.trace, "line\n");
  EXPECT_EQ(got.tasks_launched, 2u);
  EXPECT_EQ(got.tasks_finished, 3u);
  EXPECT_EQ(got.elections, 4u);
}

// Returns the one violation of a run that crashed.
std::string CrashOf(const std::function<RunResult()>& run, Duration limit = 1min) {
  const RunResult result = Isolated(run, limit);
  if (result.violations.size() != 1 || result.violations[0].invariant != "no-crash")
    return "no crash";
  return result.violations[0].what;
}

TEST(Isolated, ACrashIsAViolation) {
  EXPECT_THAT(CrashOf([]() -> RunResult {
                std::fprintf(stderr, "before\nit was an assert\n");
                std::abort();
              }),
              AllOf(HasSubstr("Aborted"), HasSubstr(": it was an assert")));
  EXPECT_THAT(CrashOf([]() -> RunResult {
                std::raise(SIGKILL);
                return {};
              }),
              HasSubstr("Killed"));
  EXPECT_THAT(CrashOf([]() -> RunResult { _exit(7); }), HasSubstr("exited with status 7"));
}

TEST(Isolated, WhatNeverEndsIsEnded) {
  EXPECT_THAT(CrashOf(
                  []() -> RunResult {
                    while (true) pause();
                  },
                  50ms),
              HasSubstr("had not ended after 50ms"));
}

TEST(RunIsolated, IsARun) {
  RunSpec spec;
  spec.seed = 4;
  spec.size = {.masters = 1, .agents = 1, .frameworks = 1};
  spec.faults = 2;
  spec.length = 1min;
  const RunResult inside = sim::Run(spec);
  const RunResult outside = RunIsolated(spec, 10min);
  EXPECT_GT(inside.trace_lines, 100u);
  EXPECT_EQ(inside.trace_hash, outside.trace_hash);
  EXPECT_EQ(outside.faults, spec.Faults());
  EXPECT_EQ(outside.faults.size(), 6u);
}

}  // namespace
}  // namespace tepui::sim
