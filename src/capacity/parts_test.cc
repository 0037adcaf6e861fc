// SPDX-License-Identifier: Apache-2.0
// Tests of the small parts: placement, usage over time, fair shares, queues, text.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "capacity/fairness.h"
#include "capacity/placement.h"
#include "capacity/text.h"
#include "capacity/usage.h"
#include "capacity/waiting_tasks.h"

namespace tepui::capacity {
namespace {

using ::testing::ElementsAre;
using namespace std::chrono_literals;

Resources R(const std::string& text) { return *Resources::Parse(text); }
Quantities Q(const std::string& text) { return *Quantities::Parse(text); }
MonotonicTime At(Duration time) { return MonotonicTime(time); }

TEST(PlacementTest, FitsByAmounts) {
  const Resources offer = R("cpus:2;mem:512;ports:[1-5]");
  EXPECT_TRUE(Fits(Q("cpus:2;mem:512"), offer));
  EXPECT_FALSE(Fits(Q("cpus:2.001"), offer));
  EXPECT_FALSE(Fits(Q("gpus:1"), offer));
}

TEST(PlacementTest, TakesReservedFirst) {
  Resources offer = R("cpus:2;cpus(eng):1;mem:512");
  offer.Allocate("eng");
  const Resources all = offer;
  const Resources taken = Take(Q("cpus:1.5;mem:100"), &offer);
  EXPECT_EQ(taken + offer, all);
  EXPECT_EQ(taken.Reserved().Scalar(ResourceNames::Cpus()), Amount::FromMilli(1000));
  EXPECT_EQ(taken.Unreserved().Scalar(ResourceNames::Cpus()), Amount::FromMilli(500));
  EXPECT_EQ(offer.Scalar(ResourceNames::Mem()), Amount::FromMilli(412'000));
}

// Amounts cannot be taken from a disk that is used as a whole or not at all.
TEST(PlacementTest, LeavesDisksOfTheirOwnAlone) {
  const Resources offer = R(
      R"([{"name": "disk", "type": "SCALAR", "scalar": {"value": 100},
           "disk": {"source": {"type": "MOUNT", "mount": {"root": "/mnt"}}}}])");
  EXPECT_FALSE(Fits(Q("disk:10"), offer));
}

TEST(ShareCourseTest, MeansQuantilesAndPeak) {
  ShareCourse course(10'000);
  course.Change(2'000, At(0s));     // 20 % for 60 s,
  course.Change(6'000, At(60s));    // 80 % for 30 s,
  course.Change(2'000, At(90s));    // 100 % for no time,
  course.Change(-10'000, At(90s));  // nothing for 10 s.
  const Spread spread = course.Summary(At(100s));
  EXPECT_DOUBLE_EQ(spread.mean, (0.2 * 60 + 0.8 * 30) / 100);
  EXPECT_DOUBLE_EQ(spread.p50, 0.2);
  EXPECT_DOUBLE_EQ(spread.p95, 0.8);
  EXPECT_DOUBLE_EQ(spread.max, 0.8);
}

TEST(ShareCourseTest, MeansOfIntervals) {
  ShareCourse course(1'000);
  course.Change(500, At(5s));
  EXPECT_DOUBLE_EQ(course.TakeMean(At(10s)), 0.25);
  EXPECT_DOUBLE_EQ(course.TakeMean(At(20s)), 0.5);
}

TEST(CourseTest, MeansOfIntervals) {
  Course course;
  course.Change(4, At(5s));
  EXPECT_DOUBLE_EQ(course.TakeMean(At(10s)), 2);
  course.Change(-4, At(10s));
  EXPECT_DOUBLE_EQ(course.TakeMean(At(20s)), 0);
}

TEST(FairSharesTest, ByWeightAmongThosePresent) {
  const FairShares shares({"a", "b", "c"}, {{"a", 2.0}});
  EXPECT_THAT(shares.Divide({true, true, true}), ElementsAre(0.5, 0.25, 0.25));
  EXPECT_THAT(shares.Divide({true, false, true}), ElementsAre(2.0 / 3, 0, 1.0 / 3));
  EXPECT_THAT(shares.Divide({false, false, false}), ElementsAre(0, 0, 0));
}

TEST(FairSharesTest, SubrolesDivideTheirParentsPart) {
  // "a" has frameworks of its own, which count like a subrole of weight 1.
  const FairShares shares({"a/x", "a", "b", "a/y/z"}, {{"a/y", 2.0}});
  EXPECT_THAT(shares.Divide({true, true, true, true}), ElementsAre(0.125, 0.125, 0.5, 0.25));
  EXPECT_THAT(shares.Divide({true, false, true, false}), ElementsAre(0.5, 0, 0.5, 0));
}

TEST(JainIndexTest, FromEqualToOneHasAll) {
  EXPECT_DOUBLE_EQ(JainIndex(std::array{0.3, 0.3, 0.3}), 1);
  EXPECT_DOUBLE_EQ(JainIndex(std::array{1.0, 0.0, 0.0, 0.0}), 0.25);
  EXPECT_DOUBLE_EQ(JainIndex(std::array{1.0, 3.0}), 0.8);
  EXPECT_DOUBLE_EQ(JainIndex(std::array{0.0, 0.0}), 1);
  EXPECT_DOUBLE_EQ(JainIndex({}), 1);
}

TEST(WaitingTasksTest, HeadsOfShapesInOrderOfArrival) {
  WaitingTasks tasks(3);
  EXPECT_FALSE(tasks.FirstFrom(0));
  tasks.Add(2, At(1s), 10s);
  tasks.Add(0, At(2s), 20s);
  tasks.Add(2, At(3s), 30s);
  EXPECT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks.OldestSince(), At(1s));
  EXPECT_EQ(tasks.FirstFrom(0)->shape, 2u);
  EXPECT_EQ(tasks.FirstFrom(1)->shape, 0u);
  EXPECT_FALSE(tasks.FirstFrom(2));  // The third task is behind the first one of its shape.
  EXPECT_EQ(tasks.Pop(2).duration, 10s);
  EXPECT_EQ(tasks.FirstFrom(0)->shape, 0u);
  EXPECT_EQ(tasks.FirstFrom(1)->number, 1u);
  EXPECT_EQ(tasks.FirstFrom(2)->shape, 2u);
  EXPECT_EQ(tasks.Pop(2).since, At(3s));
  EXPECT_EQ(tasks.Pop(0).number, 1u);
  EXPECT_TRUE(tasks.empty());
}

TEST(TextTest, ShortDurations) {
  EXPECT_EQ(ShortDuration(0s), "0");
  EXPECT_EQ(ShortDuration(1ns), "1ns");
  EXPECT_EQ(ShortDuration(1500us), "1.5ms");
  EXPECT_EQ(ShortDuration(12'345ms), "12.3secs");
  EXPECT_EQ(ShortDuration(100s), "1.67mins");
  EXPECT_EQ(ShortDuration(999'800us), "1secs");
  EXPECT_EQ(ShortDuration(59min), "59mins");
  EXPECT_EQ(ShortDuration(1h), "1hrs");
  EXPECT_EQ(ShortDuration(24h * 366), "366days");
}

TEST(TextTest, NumbersForPeople) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1'000), "1,000");
  EXPECT_EQ(Grouped(1'234'567), "1,234,567");
  EXPECT_EQ(Percent(0.6123), "61.2%");
}

}  // namespace
}  // namespace tepui::capacity
