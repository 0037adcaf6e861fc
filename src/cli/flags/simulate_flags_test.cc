// SPDX-License-Identifier: Apache-2.0
#include "cli/flags/simulate_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace tepui::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using namespace std::chrono_literals;

class SimulateFlagsTest : public ::testing::Test {
 protected:
  SimulateFlagsTest() { DeclareSimulateFlags(&table_, &flags_); }

  SimulatePlan Parse(const std::vector<std::string>& words) {
    const FlagResult result = table_.Parse(words, {});
    problems_ = result.problems;
    return ToSimulatePlan(flags_, result.arguments, &problems_);
  }

  SimulateFlags flags_;
  FlagTable table_{{.program = "tepui simulate",
                    .purpose = "",
                    .arguments = "WORKLOAD_FILE",
                    .environment_prefix = "",
                    .flags_after_arguments = true}};
  std::vector<std::string> problems_;
};

TEST_F(SimulateFlagsTest, Defaults) {
  const SimulatePlan plan = Parse({"w.json"});
  ASSERT_THAT(problems_, IsEmpty());
  EXPECT_EQ(plan.workload_path, "w.json");
  EXPECT_EQ(plan.settings.seed, 1u);
  EXPECT_EQ(plan.settings.allocation.allocation_interval, 1s);
  EXPECT_EQ(plan.settings.allocation.min_allocatable.size(), 2u);
  EXPECT_FALSE(plan.settings.offer_timeout);
  EXPECT_FALSE(plan.json);
  EXPECT_FALSE(plan.plot_path);
}

TEST_F(SimulateFlagsTest, ValuesReachThePlan) {
  const SimulatePlan plan =
      Parse({"--seed=7", "w.json", "--format=json", "--plot=/tmp/p.html",
             "--allocation_interval=5secs", "--role_sorter=random", "--weights=a=2,b/c=0.5",
             "--offer_timeout=30secs", "--min_allocatable_resources=cpus:1",
             "--fair_sharing_excluded_resource_names=gpus", "--no-filter_gpu_resources",
             R"(--domain={"fault_domain": {"region": {"name": "r"}, "zone": {"name": "z"}}})"});
  ASSERT_THAT(problems_, IsEmpty());
  EXPECT_EQ(plan.workload_path, "w.json");
  EXPECT_EQ(plan.settings.seed, 7u);
  EXPECT_TRUE(plan.json);
  EXPECT_EQ(plan.plot_path, "/tmp/p.html");
  EXPECT_TRUE(plan.plot_html);
  EXPECT_EQ(plan.settings.allocation.allocation_interval, 5s);
  EXPECT_EQ(plan.settings.allocation.role_sorter, allocator::SorterPolicy::kRandom);
  EXPECT_EQ(plan.settings.allocation.weights.at("b/c"), 0.5);
  EXPECT_EQ(plan.settings.offer_timeout, Duration(30s));
  EXPECT_THAT(plan.settings.allocation.fair_sharing_excluded_resource_names, ElementsAre("gpus"));
  EXPECT_FALSE(plan.settings.allocation.filter_gpu_resources);
  EXPECT_EQ(plan.settings.allocation.domain->fault_domain().region().name(), "r");
}

TEST_F(SimulateFlagsTest, AllProblemsAtOnce) {
  Parse({"a.json", "b.json", "--seed=x", "--format=xml", "--plot=p.png", "--role_sorter=fair",
         "--weights=a", "--min_allocatable_resources=cpus", "--allocation_interval=0secs",
         "--domain={}", "--quorum=2", "--rol_sorter=drf"});
  for (const char* part :
       {"Give only one workload file; 'b.json' is another one", "--seed: expected a whole number",
        "--format must be table or json, not 'xml'", "--plot must end in .svg or .html: 'p.png'",
        "--role_sorter: 'fair' is not drf or random", "--weights: 'a'",
        "--min_allocatable_resources:", "--allocation_interval must be from",
        "--domain has no fault_domain", "--quorum is not a flag of tepui simulate",
        "did you mean --role_sorter?"}) {
    EXPECT_THAT(problems_, Contains(HasSubstr(part)));
  }
}

TEST_F(SimulateFlagsTest, AFileIsNeeded) {
  Parse({"--seed=3"});
  EXPECT_THAT(problems_,
              ElementsAre(HasSubstr(
                  "The workload file, which describes the cluster and its load, is missing")));
}

// A report repeats the flags that are needed to reproduce it.
TEST_F(SimulateFlagsTest, ThePolicyIsWhatDecides) {
  Parse({"w.json", "--weights=a=2", "--plot=p.svg"});
  const auto policy = PolicyOf(table_);
  EXPECT_THAT(policy, Contains(Pair("weights", "a=2")));
  EXPECT_THAT(policy, Contains(Pair("allocation_interval", "1secs")));
  for (const char* name : {"seed", "format", "plot"}) EXPECT_THAT(policy, Not(Contains(Key(name))));
}

}  // namespace
}  // namespace tepui::cli
