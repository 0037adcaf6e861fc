// SPDX-License-Identifier: Apache-2.0
#include "capacity/workload_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "capacity/object_reader.h"
#include "capacity/testing.h"

namespace tepui::capacity {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using namespace std::chrono_literals;

std::vector<std::string> ProblemsOf(const std::string& json, const Files& files = {}) {
  auto workload = TryRead(json, files);
  if (workload) return {};
  return workload.error();
}

// Returns the only problem of a workload whose framework has `members` after its name, on line 1,
// without "w.json:1:", column and the path of the framework.
std::string Of(const std::string& members, const Files& files = {}) {
  const auto problems =
      ProblemsOf(Json("1hrs", 1, "cpus:4", R"({"name": "f", )" + members + "}"), files);
  if (problems.size() != 1) return ::testing::PrintToString(problems);
  const size_t path = problems[0].find("frameworks[0]");
  return path == std::string::npos ? problems[0]
                                   : problems[0].substr(path + std::string("frameworks[0]").size());
}

std::string OfLoad(const std::string& members) { return Of("\"workload\": {" + members + "}"); }

constexpr const char* kLoad = R"("workload": {"service": 1, "resources": "cpus:1"})";

std::string WithLoad(const std::string& members) { return Of(members + ", " + kLoad); }

TEST(WorkloadReaderTest, AWholeFile) {
  const Workload workload = Read(R"({
    "duration": "36hrs",
    "agents": [
      {"count": 2, "resources": "cpus:16;mem:65536;ports:[31000-32000]", "attributes": "rack:a",
       "domain": {"region": "eu", "zone": "eu-1"}},
      {"count": 1, "resources": "cpus(eng):4"}
    ],
    "weights": {"eng": 2.5},
    "frameworks": [
      {"name": "web", "roles": ["eng/web", "ops"], "count": 3, "capabilities": ["GPU_RESOURCES"],
       "max_running": 7, "refuse_seconds": 0.5, "suppress": true, "decision_time": "10ms",
       "hold_offers": "5mins", "only_on": "rack:a",
       "workload": {"service": 20, "resources": [
          {"resources": "cpus:1;mem:64", "weight": 3}, {"resources": "cpus:2"}],
          "duration": {"exponential": {"mean": "1hrs"}}}},
      {"name": "batch",
       "workload": {"arrivals": {"poisson_per_hour": 12, "daily_profile": [1, 2]},
                    "resources": "cpus:1", "duration": "90secs"}}
    ]
  })");
  EXPECT_EQ(workload.duration, 36h);
  ASSERT_THAT(workload.agents, SizeIs(2));
  EXPECT_EQ(workload.agents[0].count, 2u);
  EXPECT_EQ(workload.agents[0].attributes[0].text().value(), "a");
  EXPECT_EQ(workload.agents[0].domain->fault_domain().zone().name(), "eu-1");
  EXPECT_EQ(workload.weights.at("eng"), 2.5);
  ASSERT_THAT(workload.frameworks, SizeIs(2));
  const FrameworkSpec& web = workload.frameworks[0];
  EXPECT_THAT(web.roles, ElementsAre("eng/web", "ops"));
  EXPECT_EQ(web.count, 3u);
  EXPECT_THAT(web.capabilities, ElementsAre(v1::FrameworkInfo::Capability::GPU_RESOURCES));
  EXPECT_EQ(web.max_running, 7u);
  EXPECT_EQ(web.refuse_seconds, 0.5);
  EXPECT_TRUE(web.suppress);
  EXPECT_EQ(web.decision_time, 10ms);
  EXPECT_EQ(web.hold_offers, 5min);
  EXPECT_EQ(web.only_on[0].name(), "rack");
  EXPECT_EQ(std::get<Service>(web.workload).tasks, 20u);
  EXPECT_EQ(std::get<Service>(web.workload).duration->MeanSeconds(), 3600);
  ASSERT_THAT(web.shapes, SizeIs(2));
  EXPECT_EQ(web.shapes[0].weight, 3);
  EXPECT_EQ(web.shapes[1].weight, 1);
  EXPECT_EQ(web.shapes[1].resources.ToString(), "cpus:2");
  const FrameworkSpec& batch = workload.frameworks[1];
  EXPECT_THAT(batch.roles, ElementsAre("*"));
  EXPECT_EQ(batch.refuse_seconds, 5);
  EXPECT_FALSE(batch.suppress);
  const auto& poisson = std::get<Poisson>(std::get<Batch>(batch.workload).arrivals);
  EXPECT_EQ(poisson.per_hour, 12);
  EXPECT_THAT(poisson.profile, ElementsAre(1, 2));
  EXPECT_EQ(std::get<Batch>(batch.workload).duration.MeanSeconds(), 90);
}

TEST(WorkloadReaderTest, InvalidJson) {
  EXPECT_THAT(ProblemsOf("{\n\"duration\": 24hrs}"),
              ElementsAre("w.json:2:13: '24hrs' is not a value: write text in double quotes"));
  EXPECT_THAT(ProblemsOf("[]"),
              ElementsAre("w.json:1:1: expected an object in braces, not an array"));
}

TEST(WorkloadReaderTest, AllProblemsAtOnceEachWithItsPlace) {
  EXPECT_THAT(
      ProblemsOf(R"({
  "durations": "1hrs",
  "agents": [{"count": 0, "resources": "cpus:x"}, 3, {"count": 1.5, "resources": "ports:[1-2]"}],
  "weights": {"eng": -1, "enq": 1},
  "frameworks": [
    {"name": "a", "role": "eng", "wrkload": 1},
    {"name": "a", "role": "eng", "workload": {"service": 1, "resources": "cpus:1"}}
  ]
})"),
      ElementsAre(
          "w.json:1:1: the key \"duration\" is missing",
          "w.json:3:15: agents[0].count: expected a whole number from 1 to 200000, not 0",
          StartsWith("w.json:3:27: agents[0].resources: resource 'cpus:x': "),
          "w.json:3:51: agents[1]: expected an object in braces, not 3",
          "w.json:3:55: agents[2].count: expected a whole number from 1 to 200000, not 1.5",
          "w.json:3:69: agents[2].resources: the agents have no resources: write for example "
          "\"cpus:16;mem:65536\"",
          "w.json:6:5: frameworks[0]: the key \"workload\" is missing",
          "w.json:6:34: frameworks[0].wrkload: there is no such key; did you mean "
          "\"workload\"?",
          "w.json:7:6: frameworks[1].name: another framework has the name 'a' too; use \"count\" "
          "for several frameworks of one kind",
          "w.json:4:15: weights.eng: expected a number from 1e-06 to 1000000, not -1",
          "w.json:4:26: weights.enq: no framework has the role 'enq'; did you mean 'eng'?",
          "w.json:2:3: durations: there is no such key; did you mean \"duration\"?"));
}

TEST(WorkloadReaderTest, EmptyLists) {
  EXPECT_THAT(ProblemsOf(R"({"duration": "1hrs", "agents": [], "frameworks": []})"),
              ElementsAre("w.json:1:22: agents: the workload has no agents",
                          "w.json:1:36: frameworks: the workload has no frameworks"));
  EXPECT_THAT(ProblemsOf(R"({"duration": "1hrs", "agents": {}, "frameworks": ""})"),
              ElementsAre("w.json:1:22: agents: expected a list in brackets, not an object",
                          "w.json:1:36: frameworks: expected a list in brackets, not \"\""));
}

TEST(WorkloadReaderTest, Durations) {
  const auto of = [](const std::string& value) {
    return ProblemsOf(R"({"duration": )" + value +
                      R"(, "agents": [{"count": 1, "resources": "cpus:1"}],
        "frameworks": [{"name": "f", )" +
                      kLoad + "}]}");
  };
  EXPECT_THAT(of("24"), ElementsAre("w.json:1:2: duration: expected a duration like \"15mins\", "
                                    "not 24"));
  EXPECT_THAT(of("\"24\""), ElementsAre(HasSubstr("'24' has no unit")));
  EXPECT_THAT(of("\"0secs\""), ElementsAre(HasSubstr("expected a duration from 1secs to")));
  EXPECT_THAT(of("\"-1hrs\""), ElementsAre(HasSubstr("expected a duration from 1secs to")));
  EXPECT_THAT(of("\"400days\""), ElementsAre(HasSubstr("to 366days, not 400days")));
}

TEST(WorkloadReaderTest, Agents) {
  const auto of = [](const std::string& members) {
    return ProblemsOf(R"({"duration": "1hrs", "agents": [{"count": 1, "resources": "cpus:1", )" +
                      members + R"(}], "frameworks": [{"name": "f", )" + kLoad + "}]}");
  };
  EXPECT_THAT(of(R"("attributes": "rack")"),
              ElementsAre(HasSubstr("agents[0].attributes: 'rack' is not an attribute")));
  EXPECT_THAT(of(R"("attributes": 1)"),
              ElementsAre(HasSubstr("attributes: expected a text in double quotes, not 1")));
  EXPECT_THAT(of(R"("domain": {"region": "eu"})"),
              ElementsAre(HasSubstr("agents[0].domain: the key \"zone\" is missing")));
  EXPECT_THAT(of(R"("domain": {"region": "eu", "zone": "z", "zones": 1})"),
              ElementsAre(HasSubstr("domain.zones: there is no such key; did you mean \"zone\"?")));
  EXPECT_THAT(
      of(R"("color": 1)"),
      ElementsAre(HasSubstr("agents[0].color: there is no such key; the known keys are count, "
                            "resources, attributes, domain")));
}

TEST(WorkloadReaderTest, ThereAreBounds) {
  EXPECT_THAT(
      ProblemsOf(R"({"duration": "1hrs", "agents": [
      {"count": 150000, "resources": "cpus:1"}, {"count": 150000, "resources": "cpus:1"}],
      "frameworks": [{"name": "f", "count": 6000, )" +
                 std::string(kLoad) + R"(}, {"name": "g", "count": 6000, )" + kLoad + "}]}"),
      ElementsAre(HasSubstr("300000 agents together are more than the 200000"),
                  HasSubstr("12000 frameworks together are more than the 10000")));
  std::string frameworks;
  for (int i = 0; i <= 1000; ++i) {
    frameworks += (i == 0 ? "{\"name\": \"" : ", {\"name\": \"") + std::to_string(i) +
                  "\", \"role\": \"r" + std::to_string(i) + "\", " + kLoad + "}";
  }
  EXPECT_THAT(ProblemsOf(Json("1hrs", 1, "cpus:4", frameworks)),
              ElementsAre(HasSubstr("1001 roles together are more than the 1000")));
}

TEST(WorkloadReaderTest, Roles) {
  EXPECT_THAT(WithLoad(R"("role": "/a")"), StartsWith(".role: "));
  EXPECT_EQ(WithLoad(R"("role": "a", "roles": ["b"])"),
            ".roles: give either \"role\" or \"roles\", not both");
  EXPECT_EQ(WithLoad(R"("roles": ["a", "a"])"), ".roles: the role 'a' appears twice");
  EXPECT_EQ(WithLoad(R"("roles": [])"), ".roles: the list is empty");
  EXPECT_EQ(WithLoad(R"("roles": [1])"), ".roles[0]: expected a text in double quotes, not 1");
}

TEST(WorkloadReaderTest, Answers) {
  EXPECT_EQ(Of(R"("name2": 1, "workload": {"service": 1, "resources": "cpus:1"})"),
            ".name2: there is no such key; did you mean \"name\"?");
  EXPECT_EQ(WithLoad(R"("count": 0)"), ".count: expected a whole number from 1 to 10000, not 0");
  EXPECT_EQ(WithLoad(R"("max_running": "x")"),
            ".max_running: expected a whole number from 1 to 20000000, not \"x\"");
  EXPECT_EQ(WithLoad(R"("refuse_seconds": -1)"),
            ".refuse_seconds: expected a number from 0 to 31536000, not -1");
  EXPECT_EQ(WithLoad(R"("suppress": 1)"), ".suppress: expected true or false, not 1");
  EXPECT_EQ(WithLoad(R"("decision_time": "2hrs")"),
            ".decision_time: expected a duration from 0ns to 1hrs, not 2hrs");
  EXPECT_EQ(WithLoad(R"("hold_offers": true)"),
            ".hold_offers: expected a duration like \"15mins\", not true");
  EXPECT_THAT(WithLoad(R"("only_on": "rack")"), StartsWith(".only_on: 'rack' is not an attribute"));
  EXPECT_EQ(WithLoad(R"("capabilities": ["GPU_RESOURCE"])"),
            ".capabilities: 'GPU_RESOURCE' is not a capability; did you mean GPU_RESOURCES?");
  EXPECT_THAT(WithLoad(R"("capabilities": ["flying"])"),
              StartsWith(".capabilities: 'flying' is not a capability; the known ones are "
                         "REVOCABLE_RESOURCES, "));
}

TEST(WorkloadReaderTest, Loads) {
  EXPECT_EQ(Of(R"("workload": "much")"), ".workload: expected an object in braces, not \"much\"");
  EXPECT_EQ(OfLoad(R"("resources": "cpus:1")"),
            ".workload: expected one of the keys arrivals, service, trace, but found none");
  EXPECT_EQ(OfLoad(R"("service": 1, "trace": "t.csv", "resources": "cpus:1")"),
            ".workload: expected one of the keys arrivals, service, trace, but found 2 of them");
  EXPECT_EQ(OfLoad(R"("service": 0, "resources": "cpus:1")"),
            ".workload.service: expected a whole number from 1 to 20000000, not 0");
  EXPECT_EQ(OfLoad(R"("service": 1)"), ".workload: the key \"resources\" is missing");
  EXPECT_EQ(
      OfLoad(R"("service": 1, "resources": "cpus:1", "tasks": 1)"),
      ".workload.tasks: there is no such key; the known keys are resources, duration, service, "
      "arrivals, trace");
  EXPECT_EQ(OfLoad(R"("arrivals": {"at_start": 1}, "resources": "cpus:1")"),
            ".workload: the key \"duration\" is missing");
}

TEST(WorkloadReaderTest, SizesOfTasks) {
  EXPECT_THAT(OfLoad(R"("service": 1, "resources": "cpus")"), StartsWith(".workload.resources: "));
  EXPECT_EQ(OfLoad(R"("service": 1, "resources": "cpus:0")"),
            ".workload.resources: a task needs resources: write for example \"cpus:1;mem:1024\"");
  EXPECT_THAT(OfLoad(R"("service": 1, "resources": "ports:[1-2]")"),
              StartsWith(".workload.resources: "));
  EXPECT_EQ(OfLoad(R"("service": 1, "resources": [])"),
            ".workload.resources: expected 1 to 1000 sizes of tasks, not 0");
  EXPECT_EQ(OfLoad(R"("service": 1, "resources": [{"weight": 2}])"),
            ".workload.resources[0]: the key \"resources\" is missing");
  EXPECT_EQ(OfLoad(R"("service": 1, "resources": [{"resources": "cpus:1", "weight": 0}])"),
            ".workload.resources[0].weight: expected a number from 1e-06 to 1000000000, not 0");
  EXPECT_EQ(OfLoad(R"("service": 1, "resources": ["cpus:1"])"),
            ".workload.resources[0]: expected an object in braces, not \"cpus:1\"");
}

TEST(WorkloadReaderTest, ArrivalsOfTasks) {
  const auto of = [](const std::string& members) {
    return OfLoad("\"arrivals\": {" + members + R"(}, "resources": "cpus:1", "duration": "1secs")");
  };
  EXPECT_EQ(of(""),
            ".workload.arrivals: expected one of the keys at_start, every, "
            "poisson_per_hour, but found none");
  EXPECT_EQ(of(R"("at_start": 1, "every": "1secs")"),
            ".workload.arrivals: expected one of the keys at_start, every, poisson_per_hour, but "
            "found 2 of them");
  EXPECT_EQ(of(R"("at_start": -1)"),
            ".workload.arrivals.at_start: expected a whole number from 1 to 20000000, not -1");
  EXPECT_EQ(of(R"("every": "0secs")"),
            ".workload.arrivals.every: expected a duration from 1ns to 366days, not 0secs");
  EXPECT_EQ(of(R"("poisson_per_hour": 0)"),
            ".workload.arrivals.poisson_per_hour: expected a number from 1e-06 to 1000000000000, "
            "not 0");
  EXPECT_EQ(
      of(R"("every": "1secs", "daily_profile": [1])"),
      ".workload.arrivals.daily_profile: it can be used only together with \"poisson_per_hour\"");
  for (const char* profile : {"[]", "[0, 0]", "[1, -1]", "[1, \"2\"]"}) {
    EXPECT_THAT(of(R"("poisson_per_hour": 1, "daily_profile": )" + std::string(profile)),
                StartsWith(".workload.arrivals.daily_profile: expected 1 to 1440 relative rates"));
  }
  EXPECT_EQ(of(R"("poisson_per_hour": 1, "dayly_profile": [1])"),
            ".workload.arrivals.dayly_profile: there is no such key; did you mean "
            "\"daily_profile\"?");
}

TEST(WorkloadReaderTest, DurationsOfTasks) {
  const auto of = [](const std::string& value) {
    return OfLoad(R"("service": 1, "resources": "cpus:1", "duration": )" + value);
  };
  EXPECT_EQ(of("60"), ".workload.duration: expected a duration like \"15mins\", not 60");
  EXPECT_EQ(of("\"0secs\""),
            ".workload.duration: expected a duration from 1ms to 3660days, not 0secs");
  EXPECT_EQ(of("\"-5secs\""),
            ".workload.duration: expected a duration from 1ms to 3660days, not -5secs");
  EXPECT_EQ(of("{}"),
            ".workload.duration: expected one of the keys fixed, uniform, exponential, "
            "lognormal, but found none");
  EXPECT_EQ(of(R"({"fixed": 1})"),
            ".workload.duration.fixed: expected a duration like \"15mins\", not 1");
  EXPECT_EQ(of(R"({"uniform": {"min": "1mins"}})"),
            ".workload.duration.uniform: the key \"max\" is missing");
  EXPECT_EQ(
      of(R"({"uniform": {"min": "1mins", "max": "1mins"}})"),
      ".workload.duration.uniform.max: expected a value greater than \"min\", which is 1mins");
  EXPECT_EQ(of(R"({"exponential": "1mins"})"),
            ".workload.duration.exponential: expected an object in braces, not \"1mins\"");
  EXPECT_EQ(of(R"({"exponential": {"median": "1mins", "mean": "1mins"}})"),
            ".workload.duration.exponential.median: there is no such key; did you mean \"mean\"?");
  EXPECT_EQ(
      of(R"({"lognormal": {"median": "1mins", "p95": "30secs"}})"),
      ".workload.duration.lognormal.p95: expected a value greater than \"median\", which is 1mins");
}

TEST(WorkloadReaderTest, Traces) {
  const std::string csv = "framework,arrival_seconds,duration_seconds,cpus\nf,5,10,1\ng,0,10,2\n";
  const std::string played = R"("workload": {"trace": "t.csv"})";
  const Workload workload =
      Read(Json("1hrs", 1, "cpus:4",
                R"({"name": "f", )" + played + R"(}, {"name": "g", )" + played + "}"),
           {{"t.csv", csv}});
  ASSERT_THAT(workload.frameworks, SizeIs(2));
  const auto& trace = std::get<Trace>(workload.frameworks[1].workload);
  ASSERT_THAT(trace.tasks, SizeIs(1));
  EXPECT_EQ(trace.tasks[0].duration, 10s);
  EXPECT_EQ(workload.frameworks[1].shapes[0].resources.ToString(), "cpus:2");

  EXPECT_EQ(Of(played), ".workload.trace: the file 't.csv' cannot be opened");
  EXPECT_EQ(Of(R"("workload": {"trace": 7})"),
            ".workload.trace: expected a text in double quotes, not 7");
  EXPECT_EQ(Of(played, {{"t.csv", csv}}),
            "t.csv:3:1: no framework of the workload is called 'g' and plays this trace; did you "
            "mean 'f'?");
  EXPECT_EQ(
      Of(R"("count": 2, )" + played, {{"t.csv", "arrival_seconds,duration_seconds,cpus\n0,1,1"}}),
      ".workload.trace: a trace is played once: leave the framework's \"count\" out");
  EXPECT_EQ(Of(played, {{"t.csv", "arrival_seconds,duration_seconds,cpus\n3600,1,1"}}),
            ".workload.trace: every task of 't.csv' arrives after the 1hrs that are simulated; "
            "arrival_seconds counts from their start");
  EXPECT_EQ(Of(played, {{"t.csv", "arrival_seconds,duration_seconds,cpus\n1,x,1"}}),
            "t.csv:2:3: expected a number for duration_seconds, not 'x'");
  EXPECT_THAT(ProblemsOf(Json("1hrs", 1, "cpus:4", R"({"name": "zzzz", )" + played + "}"),
                         {{"t.csv", csv}}),
              Contains(HasSubstr("workload.trace: no row of 't.csv' names the framework 'zzzz'")));
  EXPECT_THAT(Of(R"("workload": {"trace": "t.csv", "resources": "cpus:1"})",
                 {{"t.csv", "arrival_seconds,duration_seconds,cpus\n1,1,1"}}),
              StartsWith(".workload.resources: there is no such key"));
}

TEST(WorkloadReaderTest, ManyProblemsAreCounted) {
  std::string agents;
  for (int i = 0; i < 50; ++i) agents += (i == 0 ? "" : ", ") + std::to_string(i);
  const auto problems = ProblemsOf(R"({"duration": "1hrs", "agents": [)" + agents +
                                   R"(], "frameworks": [{"name": "f", )" + kLoad + "}]}");
  ASSERT_THAT(problems, SizeIs(Problems::kMax + 1));
  EXPECT_EQ(problems.back(), "... and 30 more");
}

}  // namespace
}  // namespace tepui::capacity
