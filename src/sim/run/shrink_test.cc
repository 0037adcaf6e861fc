// SPDX-License-Identifier: Apache-2.0
#include "sim/run/shrink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace tepui::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int> UpTo(int count) {
  std::vector<int> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// Fails as long as all of `needed` are there.
auto Needs(std::vector<int> needed) {
  return [needed = std::move(needed)](const std::vector<int>& numbers) {
    return std::ranges::includes(numbers, needed);
  };
}

TEST(Shrink, FindsTheOneThatIsNeeded) {
  for (const int needed : {0, 7, 19}) {
    const Shrunk shrunk = Shrink(UpTo(20), Needs({needed}), 300);
    EXPECT_THAT(shrunk.numbers, ElementsAre(needed));
    EXPECT_TRUE(shrunk.minimal);
    EXPECT_LT(shrunk.runs, 40);
  }
}

TEST(Shrink, FindsThoseThatAreNeededTogether) {
  const Shrunk shrunk = Shrink(UpTo(50), Needs({3, 24, 25, 49}), 300);
  EXPECT_THAT(shrunk.numbers, ElementsAre(3, 24, 25, 49));
  EXPECT_TRUE(shrunk.minimal);
}

TEST(Shrink, FindsThatNoneIsNeeded) {
  const Shrunk shrunk = Shrink(UpTo(20), Needs({}), 300);
  EXPECT_THAT(shrunk.numbers, IsEmpty());
  EXPECT_TRUE(shrunk.minimal);
  EXPECT_TRUE(Shrink({}, Needs({}), 300).minimal);
}

// Either of two pairs makes it fail: the result is one of them, not both.
TEST(Shrink, IsMinimalAlsoWhereThereAreSeveralCauses) {
  const Shrunk shrunk = Shrink(
      UpTo(20),
      [](const std::vector<int>& numbers) {
        return Needs({2, 11})(numbers) || Needs({5, 17})(numbers);
      },
      300);
  EXPECT_THAT(shrunk.numbers, testing::AnyOf(ElementsAre(2, 11), ElementsAre(5, 17)));
}

TEST(Shrink, StopsWhenItsRunsAreUsedUp) {
  int runs = 0;
  const Shrunk shrunk = Shrink(
      UpTo(20),
      [&](const std::vector<int>& numbers) {
        ++runs;
        return Needs({3, 9, 15})(numbers);
      },
      5);
  EXPECT_EQ(runs, 5);
  EXPECT_EQ(shrunk.runs, 5);
  EXPECT_FALSE(shrunk.minimal);
  EXPECT_TRUE(Needs({3, 9, 15})(shrunk.numbers));
}

}  // namespace
}  // namespace tepui::sim
