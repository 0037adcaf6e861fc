// SPDX-License-Identifier: Apache-2.0
#include "resources/ranges.h"

#include <gtest/gtest.h>

#include <bitset>
#include <limits>

#include "base/random.h"

namespace tepui {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(RangesTest, CoalescesWhatOverlapsOrTouches) {
  Ranges ranges = {{9, 12}, {1, 3}, {4, 6}, {10, 11}, {20, 20}};
  Coalesce(&ranges);
  EXPECT_EQ(ranges, (Ranges{{1, 6}, {9, 12}, {20, 20}}));
}

TEST(RangesTest, TheWholeOfUint64) {
  Ranges all = {{0, 5}, {6, kMax}, {kMax, kMax}, {3, 4}};
  Coalesce(&all);
  EXPECT_EQ(all, (Ranges{{0, kMax}}));
  EXPECT_EQ(Union(all, Ranges{{0, 0}}), all);
  EXPECT_EQ(Difference(all, Ranges{{0, 0}, {kMax, kMax}}), (Ranges{{1, kMax - 1}}));
  EXPECT_TRUE(Difference(all, all).empty());
  EXPECT_TRUE(Includes(all, Ranges{{kMax, kMax}}));
  EXPECT_FALSE(Includes(Ranges{{1, kMax}}, all));
}

TEST(RangesTest, OneHoleLeavesTwoRanges) {
  EXPECT_EQ(Difference(Ranges{{1, 10}}, Ranges{{4, 5}}), (Ranges{{1, 3}, {6, 10}}));
  EXPECT_EQ(Difference(Ranges{{1, 4}, {6, 9}}, Ranges{{3, 7}}), (Ranges{{1, 2}, {8, 9}}));
}

// Compares with sets of bits, in all relative positions.
TEST(RangesTest, AgreesWithBits) {
  using Bits = std::bitset<48>;
  const auto from_bits = [](const Bits& bits) {
    Ranges ranges;
    for (uint64_t i = 0; i < bits.size(); ++i) {
      if (bits[i]) ranges.emplace_back(i, i);
    }
    Coalesce(&ranges);
    return ranges;
  };
  SeededRandom random(1);
  for (int round = 0; round < 5000; ++round) {
    // Sparse and dense sets, so that both the searching and the walking branch of Includes run.
    Bits a(random.Next());
    Bits b(random.Next());
    if (round % 3 == 0) b &= Bits(random.Next()) & Bits(random.Next()) & Bits(random.Next());
    if (round % 2 == 0) b &= a;
    EXPECT_EQ(Union(from_bits(a), from_bits(b)), from_bits(a | b));
    EXPECT_EQ(Difference(from_bits(a), from_bits(b)), from_bits(a & ~b));
    EXPECT_EQ(Includes(from_bits(a), from_bits(b)), (b & ~a).none());
  }
}

TEST(RangesTest, IncludesFewInMany) {
  Ranges many;
  for (uint64_t i = 0; i < 8000; ++i) many.emplace_back(i * 10, i * 10 + 4);
  EXPECT_TRUE(Includes(many, Ranges{{30, 34}, {79990, 79994}}));
  EXPECT_FALSE(Includes(many, Ranges{{30, 35}}));
  EXPECT_FALSE(Includes(many, Ranges{{30, 34}, {80000, 80000}}));
}

}  // namespace
}  // namespace tepui
