// SPDX-License-Identifier: Apache-2.0
#include "base/nearest_name.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tepui {
namespace {

constexpr std::array<std::string_view, 3> kKnown = {"arrivals", "resources", "role"};

TEST(NearestNameTest, TypingErrors) {
  EXPECT_EQ(NearestName("arivals", kKnown), 0u);     // A letter is missing.
  EXPECT_EQ(NearestName("resourcess", kKnown), 1u);  // A letter is doubled.
  EXPECT_EQ(NearestName("reources", kKnown), 1u);
  EXPECT_EQ(NearestName("rloe", kKnown), 2u);   // Two letters are swapped.
  EXPECT_EQ(NearestName("roles", kKnown), 2u);  // The plural.
}

TEST(NearestNameTest, DistantNamesAreNotSuggested) {
  EXPECT_EQ(NearestName("weights", kKnown), std::nullopt);
  EXPECT_EQ(NearestName("role", {}), std::nullopt);
  EXPECT_EQ(NearestName(std::string(81, 'r'), kKnown), std::nullopt);
}

TEST(NearestNameTest, TheFirstOfEquallyNear) {
  constexpr std::array<std::string_view, 2> known = {"cat", "car"};
  EXPECT_EQ(NearestName("cab", known), 0u);
}

}  // namespace
}  // namespace tepui
