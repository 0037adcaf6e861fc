// SPDX-License-Identifier: Apache-2.0
#include "capacity/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "base/seconds.h"

namespace tepui::capacity {
namespace {

using namespace std::chrono_literals;

constexpr int kDraws = 200'000;

std::vector<double> Draws(const TaskDuration& duration) {
  SeededRandom random(7);
  std::vector<double> draws;
  for (int i = 0; i < kDraws; ++i) draws.push_back(Seconds(duration.Draw(random)));
  std::ranges::sort(draws);
  return draws;
}

double MeanOf(const std::vector<double>& draws) {
  double sum = 0;
  for (const double draw : draws) sum += draw;
  return sum / static_cast<double>(draws.size());
}

std::vector<Duration> Times(const Arrivals& arrivals, Duration end, uint64_t seed = 7) {
  SeededRandom random(seed);
  ArrivalProcess process(arrivals, random);
  std::vector<Duration> times;
  while (const auto batch = process.Next(end)) times.insert(times.end(), batch->tasks, batch->at);
  return times;
}

TEST(TaskDurationTest, FixedIsWhatItIs) {
  SeededRandom random(1);
  EXPECT_EQ(TaskDuration::Fixed(1500ms).Draw(random), 1500ms);
  EXPECT_EQ(TaskDuration::Fixed(1500ms).MeanSeconds(), 1.5);
}

TEST(TaskDurationTest, Uniform) {
  const auto duration = TaskDuration::Uniform(10s, 30s);
  const auto draws = Draws(duration);
  EXPECT_GE(draws.front(), 10);
  EXPECT_LE(draws.back(), 30);
  EXPECT_LT(draws.front(), 10.1);
  EXPECT_GT(draws.back(), 29.9);
  EXPECT_NEAR(MeanOf(draws), 20, 0.1);
  EXPECT_EQ(duration.MeanSeconds(), 20);
}

TEST(TaskDurationTest, Exponential) {
  const auto duration = TaskDuration::Exponential(10s);
  const auto draws = Draws(duration);
  EXPECT_NEAR(MeanOf(draws), 10, 0.1);
  EXPECT_NEAR(draws[kDraws / 2], 10 * std::log(2), 0.1);
  EXPECT_EQ(duration.MeanSeconds(), 10);
}

TEST(TaskDurationTest, LognormalHasItsMedianAndP95) {
  const auto duration = TaskDuration::Lognormal(10s, 60s);
  const auto draws = Draws(duration);
  EXPECT_NEAR(draws[kDraws / 2], 10, 0.2);
  EXPECT_NEAR(draws[kDraws * 95 / 100], 60, 1.5);
  EXPECT_NEAR(MeanOf(draws), duration.MeanSeconds(), duration.MeanSeconds() * 0.03);
}

TEST(TaskDurationTest, StaysWithinBounds) {
  for (const auto& duration :
       {TaskDuration::Exponential(TaskDuration::kShortest), TaskDuration::Lognormal(1ms, 10s)}) {
    EXPECT_GE(Draws(duration).front(), Seconds(TaskDuration::kShortest));
  }
  EXPECT_EQ(Draws(TaskDuration::Lognormal(24h * 3000, 24h * 3659)).back(),
            Seconds(TaskDuration::kLongest));
}

TEST(ArrivalProcessTest, AllAtStart) {
  EXPECT_EQ(Times(AllAtStart{3}, 1s), (std::vector<Duration>{0s, 0s, 0s}));
  EXPECT_EQ(ExpectedTasks(AllAtStart{3}, 1s), 3);
}

TEST(ArrivalProcessTest, Regular) {
  EXPECT_EQ(Times(Regular{10s}, 30s), (std::vector<Duration>{0s, 10s, 20s}));
  EXPECT_EQ(Times(Regular{10s}, 31s).size(), 4u);
  EXPECT_EQ(ExpectedTasks(Regular{10s}, 30s), 3);
  EXPECT_EQ(ExpectedTasks(Regular{10s}, 31s), 4);
}

TEST(ArrivalProcessTest, PoissonHasItsRateAndSpread) {
  const Poisson poisson{.per_hour = 3600, .profile = {}};
  const auto times = Times(poisson, 24h);
  EXPECT_NEAR(static_cast<double>(times.size()), 86'400, 5 * std::sqrt(86'400.0));
  EXPECT_EQ(ExpectedTasks(poisson, 24h), 86'400);
  EXPECT_TRUE(std::ranges::is_sorted(times));
  // Intervals have the mean and deviation of an exponential distribution.
  double squares = 0;
  for (size_t i = 1; i < times.size(); ++i)
    squares += std::pow(Seconds(times[i] - times[i - 1]), 2);
  EXPECT_NEAR(squares / static_cast<double>(times.size()), 2, 0.1);
}

TEST(ArrivalProcessTest, ProfilesDivideTheDay) {
  const Poisson poisson{.per_hour = 3600, .profile = {0, 1, 3, 0}};
  const auto times = Times(poisson, 48h);
  std::vector<double> parts(8);
  for (const Duration time : times) ++parts[static_cast<size_t>(time / 6h)];
  for (const size_t none : {0, 3, 4, 7}) EXPECT_EQ(parts[none], 0);
  for (const size_t day : {0, 4}) {
    EXPECT_NEAR(parts[day + 1], 21'600, 5 * std::sqrt(21'600.0));
    EXPECT_NEAR(parts[day + 2], 64'800, 5 * std::sqrt(64'800.0));
  }
  EXPECT_NEAR(ExpectedTasks(poisson, 48h), 172'800, 1e-6);
  EXPECT_NEAR(ExpectedTasks(poisson, 24h + 9h), 86'400 + 10'800, 1e-6);
}

// Parts of the day that are not a whole number of nanoseconds.
TEST(ArrivalProcessTest, OddProfilesEnd) {
  const Poisson poisson{.per_hour = 100, .profile = std::vector<double>(7, 0.0)};
  Poisson odd = poisson;
  odd.profile[6] = 1;
  for (const Duration time : Times(odd, 72h)) EXPECT_GE(time % 24h, 24h * 6 / 7);
  EXPECT_GT(Times(odd, 72h).size(), 5000u);
}

TEST(ArrivalProcessTest, TheSameSeedTheSameTimes) {
  const Poisson poisson{.per_hour = 60, .profile = {}};
  EXPECT_EQ(Times(poisson, 24h, 5), Times(poisson, 24h, 5));
  EXPECT_NE(Times(poisson, 24h, 5), Times(poisson, 24h, 6));
}

}  // namespace
}  // namespace tepui::capacity
