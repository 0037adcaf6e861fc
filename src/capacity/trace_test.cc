// SPDX-License-Identifier: Apache-2.0
#include "capacity/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace tepui::capacity {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using namespace std::chrono_literals;

std::vector<std::string> ProblemsOf(std::string_view text) {
  Problems problems;
  const auto file = ReadTrace(text, "t.csv", &problems);
  EXPECT_EQ(file.has_value(), problems.empty());
  return problems.Take();
}

TraceFile Read(std::string_view text) {
  Problems problems;
  auto file = ReadTrace(text, "t.csv", &problems);
  for (const std::string& problem : problems.Take()) ADD_FAILURE() << problem;
  return file.value_or(TraceFile());
}

TEST(TraceTest, Rows) {
  const TraceFile file = Read(
      "arrival_seconds,duration_seconds,cpus,mem\n"
      "0,60,1,512\n"
      "1.5, 0.25 ,2,\r\n"
      "\n"
      "1e2,3600,1,512");
  ASSERT_THAT(file.rows, SizeIs(3));
  EXPECT_EQ(file.rows[1].task.arrival, 1500ms);
  EXPECT_EQ(file.rows[1].task.duration, 250ms);
  EXPECT_EQ(file.rows[2].task.arrival, 100s);
  EXPECT_EQ(file.rows[2].task.shape, file.rows[0].task.shape);
  ASSERT_THAT(file.shapes, SizeIs(2));
  EXPECT_EQ(file.shapes[0].resources.ToString(), "cpus:1; mem:512");
  EXPECT_EQ(file.shapes[0].where, "t.csv:2:1");
  EXPECT_EQ(file.shapes[1].resources.ToString(), "cpus:2");
  EXPECT_FALSE(file.has_frameworks);
}

TEST(TraceTest, ColumnsInAnyOrderAndQuotes) {
  const TraceFile file = Read(
      "mem,framework,duration_seconds,\"gpus\",arrival_seconds\n"
      "64,\"a, \"\"b\"\"\",5,1,7\n"
      "64,c,5,1,6\n");
  EXPECT_TRUE(file.has_frameworks);
  ASSERT_THAT(file.frameworks, SizeIs(2));
  EXPECT_EQ(file.frameworks[0].name, "a, \"b\"");
  EXPECT_EQ(file.frameworks[1].where, "t.csv:3:4");
  EXPECT_EQ(file.rows[1].framework, 1u);
}

TEST(TraceTest, EachFrameworkHasItsRows) {
  const TraceFile file = Read(
      "framework,arrival_seconds,duration_seconds,cpus\n"
      "a,5,1,1\nb,3,2,2\na,1,3,2\nb,4,4,4\n");
  std::vector<TaskShape> shapes;
  const Trace trace = TraceOf(file, "a", &shapes);
  ASSERT_THAT(trace.tasks, SizeIs(2));
  EXPECT_EQ(trace.tasks[0].arrival, 1s);
  EXPECT_EQ(trace.tasks[1].arrival, 5s);
  ASSERT_THAT(shapes, SizeIs(2));
  EXPECT_EQ(shapes[trace.tasks[0].shape].resources.ToString(), "cpus:2");
  EXPECT_EQ(shapes[trace.tasks[1].shape].resources.ToString(), "cpus:1");
  shapes.clear();
  EXPECT_THAT(TraceOf(file, "nobody", &shapes).tasks, SizeIs(0));
}

TEST(TraceTest, HeaderProblems) {
  EXPECT_THAT(ProblemsOf(""),
              ElementsAre("t.csv:1:1: the file is empty: its first line names the columns"));
  EXPECT_THAT(ProblemsOf("cpus\n1\n"),
              ElementsAre("t.csv:1:1: the column arrival_seconds is missing",
                          "t.csv:1:1: the column duration_seconds is missing"));
  EXPECT_THAT(ProblemsOf("arrival_seconds,duration_seconds\n1,1\n"),
              ElementsAre("t.csv:1:1: there is no column for a resource, such as cpus or mem"));
  EXPECT_THAT(ProblemsOf("arrival_seconds,duration_seconds,cpus,cpus\n"),
              ElementsAre("t.csv:1:39: the column cpus appears twice"));
  EXPECT_THAT(ProblemsOf("arrival_seconds,duration_seconds,cpus\n"),
              ElementsAre("t.csv:1:1: the file has no tasks"));
  EXPECT_THAT(
      ProblemsOf("arrival_seconds,duration_seconds,cpus,a b\n"),
      ElementsAre(::testing::StartsWith("t.csv:1:39: the name of a column is not valid: ")));
  EXPECT_THAT(ProblemsOf(std::string(100, ',')),
              ::testing::Contains("t.csv:1:65: more than 64 columns"));
}

TEST(TraceTest, RowProblemsAllAtOnceWithLineAndColumn) {
  EXPECT_THAT(
      ProblemsOf("framework,arrival_seconds,duration_seconds,cpus\n"
                 "a,x,1,1\n"
                 "a,-1,0,1\n"
                 "a,1,1\n"
                 "a,1,1,1,1\n"
                 ",1,1,-2\n"
                 "a,1,1,0\n"
                 "\"a,1,1,1\n"
                 "\"a\"b,1,1,1\n"
                 "a,,1,1\n"
                 "a,1,1e99,1\n"),
      ElementsAre("t.csv:2:3: expected a number for arrival_seconds, not 'x'",
                  "t.csv:3:3: expected from 0 to 3162240000 seconds, not -1",
                  "t.csv:3:6: expected from 0.001 to 3162240000 seconds, not 0",
                  "t.csv:4:5: 3 fields, but the first line names 4 columns",
                  "t.csv:5:9: 5 fields, but the first line names 4 columns",
                  "t.csv:6:1: the name of the framework is missing",
                  ::testing::StartsWith("t.csv:6:6: cpus: "),
                  "t.csv:6:1: the task has no resources", "t.csv:7:1: the task has no resources",
                  "t.csv:8:1: the text that begins here lacks the closing '\"'",
                  "t.csv:9:4: expected ',' after the text, not 'b'",
                  "t.csv:10:3: expected a number for arrival_seconds, not ''",
                  "t.csv:11:5: expected from 0.001 to 3162240000 seconds, not 1e99"));
}

TEST(TraceTest, ManyProblemsAreCounted) {
  std::string text = "arrival_seconds,duration_seconds,cpus\n";
  for (int i = 0; i < 100; ++i) text += "x,1,1\n";
  const std::vector<std::string> problems = ProblemsOf(text);
  ASSERT_THAT(problems, SizeIs(Problems::kMax));
  EXPECT_EQ(problems.back(), "t.csv:21:1: expected a number for arrival_seconds, not 'x'");
}

TEST(TraceTest, SizesOfTasksHaveABound) {
  std::string text = "arrival_seconds,duration_seconds,cpus\n";
  for (uint64_t i = 0; i <= Limits::kTraceShapes; ++i)
    text += "0,1," + std::to_string(i + 1) + "\n";
  EXPECT_THAT(ProblemsOf(text),
              ElementsAre("t.csv:100002:1: more than 100000 different sizes of tasks"));
}

}  // namespace
}  // namespace tepui::capacity
