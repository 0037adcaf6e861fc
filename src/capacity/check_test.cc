// SPDX-License-Identifier: Apache-2.0
#include "capacity/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "capacity/testing.h"

namespace tepui::capacity {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using namespace std::chrono_literals;

std::vector<std::string> ProblemsOf(const std::string& resources, const std::string& framework,
                                    const Settings& settings = {}) {
  return CheckWorkload(Read(Json("24hrs", 2, resources, "{\"name\": \"f\", " + framework + "}")),
                       settings);
}

constexpr const char* kSmall = R"("workload": {"service": 1, "resources": "cpus:1"})";

TEST(CheckTest, WhatFitsIsFine) { EXPECT_THAT(ProblemsOf("cpus:1", kSmall), IsEmpty()); }

TEST(CheckTest, TasksThatFitOnNoAgent) {
  EXPECT_THAT(
      ProblemsOf("cpus:4;mem:1024", R"("workload": {"service": 1, "resources": [
          {"resources": "cpus:8"}, {"resources": "cpus:4;mem:1024"}, {"resources": "gpus:1"}]})"),
      ElementsAre(
          "w.json:2:12: frameworks[0].workload.resources[0].resources: a task of 'f' of "
          "cpus:8 fits on no agent: the agent with the most of it has only cpus:4",
          EndsWith("a task of 'f' of gpus:1 fits on no agent: the agent with the most of it "
                   "has only gpus:0")));
  // Each amount fits somewhere, but not both together.
  const auto problems = CheckWorkload(Read(R"({"duration": "1hrs", "agents": [
      {"count": 1, "resources": "cpus:4;mem:1"}, {"count": 1, "resources": "cpus:1;mem:4"}],
      "frameworks": [{"name": "f", "workload": {"service": 1, "resources": "cpus:4;mem:4"}}]})"),
                                      {});
  EXPECT_THAT(problems,
              ElementsAre(EndsWith("fits on no agent: no agent has enough of all resources")));
}

TEST(CheckTest, WhyAgentsAreNotForAFramework) {
  EXPECT_THAT(ProblemsOf("cpus(eng):4;cpus:1",
                         R"("role": "ops", "workload": {"service": 1, "resources": "cpus:2"})"),
              ElementsAre(EndsWith("the agent with the most of it has only cpus:1")));
  EXPECT_THAT(ProblemsOf("cpus(eng):4;cpus:1",
                         R"("role": "eng/x", "workload": {"service": 1, "resources": "cpus:5"})"),
              IsEmpty());
  EXPECT_THAT(ProblemsOf("cpus:4", std::string(R"("only_on": "rack:a", )") + kSmall),
              ElementsAre(EndsWith("fits on no agent: no agent has the attributes of only_on")));

  EXPECT_THAT(ProblemsOf("cpus:4;gpus:1", kSmall),
              ElementsAre(HasSubstr("with the capability GPU_RESOURCES only, unless "
                                    "--no-filter_gpu_resources is given")));
  EXPECT_THAT(
      ProblemsOf("cpus:4;gpus:1", std::string(R"("capabilities": ["GPU_RESOURCES"], )") + kSmall),
      IsEmpty());
  Settings settings;
  settings.allocation.filter_gpu_resources = false;
  EXPECT_THAT(ProblemsOf("cpus:4;gpus:1", kSmall, settings), IsEmpty());
}

TEST(CheckTest, AgentsOfOtherRegions) {
  const auto problems = [](const std::string& capabilities, const std::string& region) {
    Settings settings;
    settings.allocation.domain.emplace();
    settings.allocation.domain->mutable_fault_domain()->mutable_region()->set_name(region);
    return CheckWorkload(Read(R"({"duration": "1hrs", "agents": [{"count": 1,
        "resources": "cpus:1", "domain": {"region": "eu", "zone": "z"}}],
        "frameworks": [{"name": "f", "capabilities": [)" +
                              capabilities + "], " + kSmall + "}]}"),
                         settings);
  };
  EXPECT_THAT(problems("\"PARTITION_AWARE\"", "us"), ElementsAre(HasSubstr("in other regions")));
  EXPECT_THAT(problems("\"REGION_AWARE\"", "us"), IsEmpty());
  EXPECT_THAT(problems("\"PARTITION_AWARE\"", "eu"), IsEmpty());
}

TEST(CheckTest, TasksOfATraceAreNamedByTheirLine) {
  const Workload workload =
      Read(Json("1hrs", 1, "cpus:2", R"({"name": "f", "workload": {"trace": "t.csv"}})"),
           {{"t.csv", "arrival_seconds,duration_seconds,cpus\n0,1,1\n5,1,3\n6,1,3\n"}});
  EXPECT_THAT(CheckWorkload(workload, {}),
              ElementsAre("t.csv:3:1: a task of 'f' of cpus:3 fits on no agent: the agent with the "
                          "most of it has only cpus:2"));
}

TEST(CheckTest, DecisionsThatTakeLongerThanTheOfferTimeout) {
  const std::string slow = std::string(R"("decision_time": "5secs", )") + kSmall;
  Settings settings;
  settings.offer_timeout = 5s;
  EXPECT_THAT(ProblemsOf("cpus:1", slow, settings),
              ElementsAre("w.json:1:87: frameworks[0]: 'f' takes 5secs to decide, and offers are "
                          "rescinded after 5secs (--offer_timeout): it could never launch a task"));
  settings.offer_timeout = 6s;
  EXPECT_THAT(ProblemsOf("cpus:1", slow, settings), IsEmpty());
}

TEST(CheckTest, MoreTasksThanCanBeSimulated) {
  EXPECT_THAT(ProblemsOf("cpus:1", R"("count": 3, "workload": {
      "arrivals": {"poisson_per_hour": 1e6}, "resources": "cpus:1", "duration": "1secs"})"),
              ElementsAre(HasSubstr("about 72000000 tasks would arrive in 1days, 72000000 of them "
                                    "from 'f', but at most 20000000 can be simulated")));
  // A service whose tasks end at once.
  EXPECT_THAT(ProblemsOf("cpus:1", R"("workload": {"service": 1000, "resources": "cpus:1",
      "duration": "1secs"})"),
              ElementsAre(HasSubstr("about 86401000 tasks")));
  EXPECT_THAT(ProblemsOf("cpus:1", R"("workload": {"arrivals": {"every": "1us"},
      "resources": "cpus:1", "duration": "1secs"})"),
              ElementsAre(StartsWith("w.json:1:")));
}

TEST(CheckTest, MoreThanCanBeCounted) {
  const auto problems = CheckWorkload(Read(R"({"duration": "1hrs", "agents": [{"count": 200000,
      "resources": "cpus:1;disk:900000000000"}],
      "frameworks": [{"name": "f", )" + std::string(kSmall) +
                                           "}]}"),
                                      {});
  EXPECT_THAT(problems, ElementsAre("the agents together have 1.8e+17 of disk, more than the "
                                    "1000000000000000 that can be counted"));
}

}  // namespace
}  // namespace tepui::capacity
