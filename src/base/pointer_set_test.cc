// SPDX-License-Identifier: Apache-2.0
#include "base/pointer_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "base/random.h"

namespace tepui {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

struct PointerSetTest : ::testing::Test {
  std::array<int, 5> items{};
  PointerSet<int> set;
};

TEST_F(PointerSetTest, KeepsTheOrderOfInsertionWhereverThePointersPoint) {
  for (const size_t i : {3, 0, 4, 1}) EXPECT_TRUE(set.insert(&items[i]));
  EXPECT_FALSE(set.insert(&items[4]));
  EXPECT_THAT(set, ElementsAre(&items[3], &items[0], &items[4], &items[1]));
  EXPECT_TRUE(set.contains(&items[0]));
  EXPECT_FALSE(set.contains(&items[2]));
}

TEST_F(PointerSetTest, TheLastTakesThePlaceOfOneErased) {
  for (int& item : items) set.insert(&item);
  EXPECT_TRUE(set.erase(&items[1]));
  EXPECT_FALSE(set.erase(&items[1]));
  EXPECT_THAT(set, ElementsAre(&items[0], &items[4], &items[2], &items[3]));
  EXPECT_TRUE(set.erase(&items[3]));  // The last one itself.
  EXPECT_THAT(set, ElementsAre(&items[0], &items[4], &items[2]));
  set.clear();
  EXPECT_THAT(set, IsEmpty());
  EXPECT_TRUE(set.insert(&items[1]));
  EXPECT_EQ(set.size(), 1u);
}

TEST(PointerSet, HoldsWhatAnyOtherSetWould) {
  std::array<int, 40> items{};
  SeededRandom random(1);
  PointerSet<int> set;
  std::set<int*> expected;
  for (int i = 0; i < 5000; ++i) {
    int* const item = &items[random.Below(items.size())];
    if (random.Below(2) == 0) {
      EXPECT_EQ(set.insert(item), expected.insert(item).second);
    } else {
      EXPECT_EQ(set.erase(item), expected.erase(item) == 1);
    }
  }
  EXPECT_THAT(set, UnorderedElementsAreArray(expected));
}

}  // namespace
}  // namespace tepui
