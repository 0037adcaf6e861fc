// SPDX-License-Identifier: Apache-2.0
#include "capacity/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "capacity/meter.h"
#include "capacity/testing.h"

namespace tepui::capacity {
namespace {

using ::testing::ElementsAre;
using ::testing::Pointwise;
using ::testing::SizeIs;
using namespace std::chrono_literals;

// The scenarios can be computed by hand. Allocation runs happen at whole seconds, or at once when a
// framework subscribes or revives; resources that were given back, and filters that expired, wait
// for the next whole second.

std::string AtStart(int tasks, const std::string& resources, const std::string& duration) {
  return R"("workload": {"arrivals": {"at_start": )" + std::to_string(tasks) +
         R"(}, "resources": ")" + resources + R"(", "duration": ")" + duration + "\"}";
}

std::string TraceHeader() { return "arrival_seconds,duration_seconds,cpus\n"; }

TEST(SimulationTest, TheThirdTaskWaitsForAFreeAgent) {
  const Report report =
      ReportOf(Read(Json("60secs", 2, "cpus:1;mem:1024",
                         R"({"name": "f", )" + AtStart(3, "cpus:1;mem:512", "10.5secs") + "}")));
  EXPECT_EQ(report.agents, 2u);
  EXPECT_EQ(report.tasks.arrived, 3u);
  EXPECT_EQ(report.tasks.finished, 3u);
  EXPECT_EQ(report.tasks.running, 0u);
  EXPECT_EQ(report.tasks.waiting, 0u);
  // Two end at 10.5, and the third starts at 11.
  EXPECT_EQ(report.waits.tasks, 3u);
  EXPECT_EQ(report.waits.min, 0s);
  EXPECT_EQ(report.waits.p50, 0s);
  EXPECT_EQ(report.waits.max, 11s);
  EXPECT_EQ(report.waits.mean, Duration(11s) / 3);
  ASSERT_THAT(report.resources, SizeIs(2));
  EXPECT_EQ(report.resources[0].name, "cpus");
  EXPECT_EQ(report.resources[0].total, 2);
  EXPECT_NEAR(report.resources[0].allocated.mean, 31.5 / 120, 1e-9);
  EXPECT_NEAR(report.resources[1].allocated.mean, 0.5 * 31.5 / 120, 1e-9);
  EXPECT_EQ(report.resources[0].allocated.max, 1);
  EXPECT_EQ(report.resources[0].allocated.p50, 0);
  EXPECT_EQ(report.resources[0].offered.max, 0);  // Answers take no time.
}

TEST(SimulationTest, WhoSuppressesIsOfferedAtOnceWhenATaskArrives) {
  const std::string load =
      R"("workload": {"arrivals": {"every": "10secs"}, "resources": "cpus:1", "duration": "5secs"})";
  const Report report = ReportOf(
      Read(Json("45secs", 1, "cpus:1", R"({"name": "f", "suppress": true, )" + load + "}")));
  EXPECT_EQ(report.waits.tasks, 5u);
  EXPECT_EQ(report.waits.max, 0s);
  // Five offers to launch on, and none in between.
  EXPECT_EQ(report.offers.made, 5u);
  EXPECT_EQ(report.offers.accepted, 5u);
}

// Each task ends 5 seconds after its launch. The cpu is offered a second later, refused for 5
// seconds, and offered again: 11 seconds after the launch, while tasks come every 10.
TEST(SimulationTest, WhoDeclinesWaitsForItsFilters) {
  const std::string load =
      R"("workload": {"arrivals": {"every": "10secs"}, "resources": "cpus:1", "duration": "5secs"})";
  const Report report =
      ReportOf(Read(Json("45secs", 1, "cpus:1", R"({"name": "f", )" + load + "}")));
  EXPECT_EQ(report.waits.tasks, 5u);
  EXPECT_EQ(report.waits.min, 0s);
  EXPECT_EQ(report.waits.p50, 2s);
  EXPECT_EQ(report.waits.max, 4s);
  EXPECT_EQ(report.offers.made, 9u);
  EXPECT_EQ(report.offers.declined, 4u);
}

TEST(SimulationTest, AtMostSoManyRun) {
  const Report report = ReportOf(
      Read(Json("60secs", 1, "cpus:8",
                R"({"name": "f", "max_running": 2, )" + AtStart(4, "cpus:1", "10.5secs") + "}")));
  EXPECT_EQ(report.waits.p50, 0s);
  EXPECT_EQ(report.waits.p95, 11s);
  EXPECT_EQ(report.waits.max, 11s);
  EXPECT_EQ(report.resources[0].allocated.max, 0.25);
}

TEST(SimulationTest, SmallTasksGoAheadOfOneThatDoesNotFit) {
  const Report report =
      ReportOf(Read(Json("60secs", 1, "cpus:4", R"({"name": "f", "workload": {"trace": "t.csv"}})"),
                    {{"t.csv", TraceHeader() + "0,20,3\n5,10,2\n6,10,1\n"}}));
  // The cpu that the first task leaves is declined at 0 and 5, and used by the third task at 10;
  // the second task fits when the first ends, at 21.
  EXPECT_EQ(report.tasks.finished, 3u);
  EXPECT_EQ(report.waits.min, 0s);
  EXPECT_EQ(report.waits.p50, 4s);
  EXPECT_EQ(report.waits.max, 16s);
}

TEST(SimulationTest, OffersThatAreHeldServeTasksAtOnce) {
  const std::string load =
      R"("workload": {"arrivals": {"every": "10secs"}, "resources": "cpus:1", "duration": "5secs"})";
  const Report report = ReportOf(
      Read(Json("45secs", 1, "cpus:2", R"({"name": "f", "hold_offers": "1hrs", )" + load + "}")));
  EXPECT_EQ(report.waits.tasks, 5u);
  EXPECT_EQ(report.waits.max, 0s);
  EXPECT_EQ(report.offers.declined, 0u);
  EXPECT_EQ(report.offers.outstanding, report.offers.made - report.offers.accepted);
  // Both cpus are offered from 5 to 10, 15 to 20 and so on; after a launch the rest is declined for
  // 5 seconds.
  EXPECT_NEAR(report.resources[0].offered.mean, 4.0 * 5 / 45, 1e-9);
}

// The holder comes first by name, and declines the offer after 20 seconds; at 21 the other
// framework gets it.
TEST(SimulationTest, WhoHoldsOffersKeepsThemFromOthers) {
  const std::string frameworks =
      R"({"name": "holder", "hold_offers": "20secs", "workload": {"trace": "late.csv"}},
         {"name": "other", "workload": {"trace": "early.csv"}})";
  const Files files = {{"late.csv", TraceHeader() + "50,1,1\n"},
                       {"early.csv", TraceHeader() + "5,1,1\n"}};
  Report report = ReportOf(Read(Json("60secs", 1, "cpus:1", frameworks), files));
  EXPECT_EQ(report.frameworks[1].waits.max, 16s);
  EXPECT_EQ(report.frameworks[0].tasks.finished, 1u);
  EXPECT_EQ(report.frameworks[0].offers.rescinded, 0u);
  EXPECT_GE(report.frameworks[0].offers.declined, 1u);

  // The offer is rescinded after 10 seconds; the other framework has had fewer offers so far.
  report = ReportOf(Read(Json("60secs", 1, "cpus:1", frameworks), files),
                    {.allocation = {}, .offer_timeout = 10s, .seed = 1});
  EXPECT_EQ(report.frameworks[1].waits.max, 6s);
  EXPECT_GE(report.frameworks[0].offers.rescinded, 1u);
  EXPECT_EQ(report.frameworks[0].offers.declined, 0u);
}

TEST(SimulationTest, DecisionsTakeTheirTime) {
  const Report report = ReportOf(Read(
      Json("20secs", 1, "cpus:1",
           R"({"name": "f", "decision_time": "2secs", )" + AtStart(1, "cpus:1", "10secs") + "}")));
  EXPECT_EQ(report.waits.max, 2s);
  // Offered from 0 to 2 and, after the task has ended, from 13 to 15, and at the very end again.
  EXPECT_NEAR(report.resources[0].offered.mean, 4.0 / 20, 1e-9);
  EXPECT_EQ(report.offers.made, 3u);
  EXPECT_EQ(report.offers.outstanding, 1u);
}

TEST(SimulationTest, AServiceIsKeptRunning) {
  const Report report = ReportOf(Read(Json("100secs", 1, "cpus:4",
                                           R"({"name": "f", "suppress": true, "workload":
               {"service": 3, "resources": "cpus:1", "duration": "30secs"}})")));
  // Three tasks end at 30; one is replaced at once on the spare cpu, the other two at 31.
  EXPECT_EQ(report.tasks.running, 3u);
  EXPECT_EQ(report.tasks.waiting, 0u);
  EXPECT_EQ(report.tasks.arrived, report.tasks.finished + 3);
  EXPECT_GE(report.tasks.finished, 9u);
  EXPECT_GT(report.resources[0].allocated.mean, 0.73);

  const Report forever =
      ReportOf(Read(Json("100secs", 1, "cpus:4",
                         R"({"name": "f", "workload": {"service": 3, "resources": "cpus:1"}})")));
  EXPECT_EQ(forever.tasks.arrived, 3u);
  EXPECT_EQ(forever.tasks.running, 3u);
  EXPECT_NEAR(forever.resources[0].allocated.mean, 0.75, 1e-9);
}

TEST(SimulationTest, WaitingTasksAreReported) {
  const Report report = ReportOf(Read(
      Json("60secs", 1, "cpus:1", R"({"name": "f", )" + AtStart(3, "cpus:1", "50secs") + "}")));
  EXPECT_EQ(report.tasks.finished, 1u);
  EXPECT_EQ(report.tasks.running, 1u);
  EXPECT_EQ(report.tasks.waiting, 1u);
  EXPECT_EQ(report.tasks.longest_waiting, 60s);
}

TEST(SimulationTest, ReservationsAreForTheirRole) {
  const Report report = ReportOf(Read(
      Json("30secs", 1, "cpus(eng):4;cpus:2",
           R"({"name": "ops", "role": "ops", )" + AtStart(6, "cpus:1", "100secs") +
               R"(}, {"name": "eng", "role": "eng", )" + AtStart(6, "cpus:1", "100secs") + "}")));
  EXPECT_EQ(report.tasks.running, 6u);
  EXPECT_LE(report.frameworks[0].tasks.running, 2u);
  EXPECT_GE(report.frameworks[1].tasks.running, 4u);
}

TEST(SimulationTest, TasksRunOnAgentsWithTheAttributesOnly) {
  const Report report = ReportOf(Read(R"({"duration": "30secs", "agents": [
      {"count": 2, "resources": "cpus:2", "attributes": "disk:hdd"},
      {"count": 1, "resources": "cpus:2", "attributes": "rack:a;disk:ssd"}],
    "frameworks": [{"name": "f", "only_on": "disk:ssd", )" +
                                      AtStart(9, "cpus:1", "100secs") + "}]}"));
  EXPECT_EQ(report.tasks.running, 2u);
  EXPECT_EQ(report.tasks.waiting, 7u);
}

TEST(SimulationTest, GpusAreForWhoAsksForThem) {
  const std::string json = R"({"duration": "30secs", "agents": [
      {"count": 1, "resources": "cpus:2;gpus:1"}, {"count": 1, "resources": "cpus:2"}],
    "frameworks": [{"name": "f", )" +
                           AtStart(9, "cpus:1", "100secs") + "}]}";
  EXPECT_EQ(ReportOf(Read(json)).tasks.running, 2u);
  EXPECT_EQ(
      ReportOf(Read(json),
               {.allocation = {.filter_gpu_resources = false}, .offer_timeout = {}, .seed = 1})
          .tasks.running,
      4u);
}

// A framework of several roles launches in the role of the offer.
TEST(SimulationTest, WaitsByRole) {
  const Report report = ReportOf(
      Read(Json("30secs", 2, "cpus:1",
                R"({"name": "f", "roles": ["a", "b"], )" + AtStart(3, "cpus:1", "10secs") + "}")));
  ASSERT_THAT(report.roles, SizeIs(2));
  EXPECT_EQ(report.roles[0].waits.tasks + report.roles[1].waits.tasks, 3u);
  EXPECT_EQ(report.waits.tasks, 3u);
  EXPECT_GE(report.roles[0].waits.tasks, 1u);
  EXPECT_GE(report.roles[1].waits.tasks, 1u);
}

constexpr const char* kBacklog =
    R"("workload": {"arrivals": {"at_start": 30000}, "resources": "cpus:1;mem:128",
                    "duration": {"exponential": {"mean": "60secs"}}}})";

TEST(SimulationTest, WeightsDivideTheCluster) {
  Workload workload = Read(Json("30mins", 30, "cpus:8;mem:8192",
                                R"({"name": "x", "role": "a", )" + std::string(kBacklog) +
                                    R"(, {"name": "y", "role": "b", )" + kBacklog));
  const auto shares = [&](const std::unordered_map<std::string, double>& weights) {
    workload.weights = weights;
    const Report report = ReportOf(workload);
    EXPECT_GT(report.resources[0].allocated.mean, 0.95);
    EXPECT_GT(report.fairness.jain_index, 0.99);
    EXPECT_NEAR(report.fairness.contended, 1, 1e-9);
    EXPECT_NEAR(report.roles[0].waiting, 1, 1e-9);
    const double sum = report.roles[0].mean_share + report.roles[1].mean_share;
    EXPECT_NEAR(report.roles[0].mean_share / sum, report.roles[0].fair_share_while_waiting, 0.03);
    return report.roles[0].fair_share_while_waiting;
  };
  EXPECT_NEAR(shares({}), 0.5, 1e-9);
  EXPECT_NEAR(shares({{"a", 2.0}}), 2.0 / 3, 1e-9);
  EXPECT_NEAR(shares({{"a", 4.0}}), 0.8, 1e-9);
  EXPECT_NEAR(shares({{"a", 1.0}, {"b", 3.0}}), 0.25, 1e-9);
}

// The flag's weights take precedence over the file's.
TEST(SimulationTest, WeightsOfTheSettingsGoFirst) {
  Workload workload = Read(Json("30mins", 30, "cpus:8;mem:8192",
                                R"({"name": "x", "role": "a", )" + std::string(kBacklog) +
                                    R"(, {"name": "y", "role": "b", )" + kBacklog));
  workload.weights = {{"a", 9.0}, {"b", 3.0}};
  Settings settings;
  settings.allocation.weights = {{"a", 1.0}};
  const Report report = ReportOf(workload, settings);
  EXPECT_EQ(report.roles[0].weight, 1);
  EXPECT_EQ(report.roles[1].weight, 3);
  EXPECT_NEAR(report.roles[0].mean_share, 0.25, 0.03);
}

std::string Busy() {
  return Json("6hrs", 20, "cpus:8;mem:16384;disk:10000",
              R"({"name": "web", "role": "web", "suppress": true,
                  "workload": {"service": 30, "resources": "cpus:1;mem:1024",
                               "duration": {"exponential": {"mean": "2hrs"}}}},
                 {"name": "batch", "role": "eng/batch", "count": 3, "decision_time": "100ms",
                  "workload": {"arrivals": {"poisson_per_hour": 200, "daily_profile": [1, 2, 3]},
                    "resources": [{"resources": "cpus:1;mem:2048", "weight": 3},
                                  {"resources": "cpus:3;mem:1024;disk:100"}],
                    "duration": {"lognormal": {"median": "5mins", "p95": "40mins"}}}},
                 {"name": "held", "roles": ["eng", "ops"], "hold_offers": "1mins",
                  "workload": {"arrivals": {"every": "20secs"}, "resources": "cpus:2;mem:512",
                    "duration": {"uniform": {"min": "1mins", "max": "5mins"}}}})");
}

TEST(SimulationTest, TheSameSeedTheSameReport) {
  const Workload workload = Read(Busy());
  const std::string first = ToJson(ReportOf(workload));
  EXPECT_EQ(first, ToJson(ReportOf(workload)));
  EXPECT_EQ(first, ToJson(ReportOf(Read(Busy()))));
  EXPECT_NE(first, ToJson(ReportOf(workload, {.allocation = {}, .offer_timeout = {}, .seed = 2})));
}

TEST(SimulationTest, AnotherPolicyMeetsTheSameLoad) {
  const Workload workload = Read(Busy());
  Settings random;
  random.allocation.role_sorter = allocator::SorterPolicy::kRandom;
  random.allocation.framework_sorter = allocator::SorterPolicy::kRandom;
  const Report first = ReportOf(workload);
  const Report second = ReportOf(workload, random);
  EXPECT_NE(ToJson(first), ToJson(second));
  for (const size_t batch : {1, 2}) {
    EXPECT_EQ(first.frameworks[batch].tasks.arrived, second.frameworks[batch].tasks.arrived);
  }
}

TEST(SimulationTest, CountsAddUp) {
  Settings settings;
  settings.offer_timeout = 30s;
  const Report report = ReportOf(Read(Busy()), settings);
  TaskCounts tasks;
  OfferCounts offers;
  for (const FrameworkResult& framework : report.frameworks) {
    tasks.arrived += framework.tasks.arrived;
    offers.made += framework.offers.made;
    const OfferCounts& of = framework.offers;
    EXPECT_EQ(of.made, of.accepted + of.declined + of.rescinded + of.outstanding);
    EXPECT_EQ(framework.tasks.arrived,
              framework.tasks.finished + framework.tasks.running + framework.tasks.waiting);
    EXPECT_EQ(framework.waits.tasks, framework.tasks.finished + framework.tasks.running);
  }
  EXPECT_EQ(tasks.arrived, report.tasks.arrived);
  EXPECT_EQ(offers.made, report.offers.made);
  EXPECT_GT(report.offers.rescinded, 0u);
  EXPECT_GT(report.allocation_runs, 0u);

  // The series agrees with the means.
  ASSERT_THAT(report.series.allocated, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_THAT(report.series.allocated[i], SizeIs(Meter::kIntervals));
    double sum = 0;
    for (const double share : report.series.allocated[i]) sum += share;
    EXPECT_NEAR(sum / Meter::kIntervals, report.resources[i].allocated.mean, 1e-9);
  }
}

TEST(SimulationTest, ATraceIsReplayed) {
  const Report report = ReportOf(
      Read(Json("100secs", 1, "cpus:2",
                R"({"name": "a", "role": "a", "suppress": true, "workload": {"trace": "t.csv"}},
                   {"name": "b", "role": "b", "suppress": true, "workload": {"trace": "t.csv"}})"),
           {{"t.csv",
             "framework,arrival_seconds,duration_seconds,cpus\n"
             "b,20.5,10,2\na,0,5,1\na,20,10.25,1\na,200,1,1\n"}}));
  EXPECT_EQ(report.frameworks[0].tasks.arrived, 2u);  // The last task would arrive after the end.
  EXPECT_EQ(report.frameworks[0].waits.max, 0s);
  // Both cpus are free from 30.25 on, offered at 31.
  EXPECT_EQ(report.frameworks[1].waits.max, 10'500ms);
  EXPECT_EQ(report.tasks.finished, 3u);
  EXPECT_NEAR(report.resources[0].allocated.mean, (5 + 10.25 + 20) / 200, 1e-9);
}

TEST(SimulationTest, ProgressReachesItsEnd) {
  std::vector<double> parts;
  const Workload workload =
      Read(Json("10secs", 1, "cpus:1", R"({"name": "f", )" + AtStart(1, "cpus:1", "1secs") + "}"));
  ASSERT_TRUE(Simulate(workload, {}, [&](double part) { parts.push_back(part); }));
  ASSERT_THAT(parts, SizeIs(Meter::kIntervals));
  EXPECT_EQ(parts.back(), 1);
}

}  // namespace
}  // namespace tepui::capacity
