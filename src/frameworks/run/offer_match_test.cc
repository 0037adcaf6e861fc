// SPDX-License-Identifier: Apache-2.0
#include "frameworks/run/offer_match.h"

#include <gtest/gtest.h>

namespace tepui::frameworks {
namespace {

Resources Of(const std::string& text) { return *Resources::Parse(text); }

TEST(TakeFromTest, TakesUnreservedAmounts) {
  Resources offered = Of("cpus:4;mem:100;ports:[1-10]");
  EXPECT_EQ(TakeFrom(&offered, Of("cpus:1.5;ports:[2-3]"), "*"), Of("cpus:1.5;ports:[2-3]"));
  EXPECT_EQ(offered, Of("cpus:2.5;mem:100;ports:[1-1,4-10]"));
}

TEST(TakeFromTest, TakesWhatIsReservedToTheRoleFirst) {
  Resources offered = Of("cpus(prod):1;cpus:4;cpus(other):8;mem(prod):10");
  EXPECT_EQ(TakeFrom(&offered, Of("cpus:3;mem:10"), "prod"),
            Of("cpus(prod):1;cpus:2;mem(prod):10"));
  EXPECT_EQ(offered, Of("cpus:2;cpus(other):8"));
}

TEST(TakeFromTest, LeavesTheOfferAloneIfItDoesNotFit) {
  Resources offered = Of("cpus:4;mem:100;cpus(other):8");
  EXPECT_EQ(TakeFrom(&offered, Of("cpus:1;mem:101"), "*"), std::nullopt);
  EXPECT_EQ(TakeFrom(&offered, Of("cpus:5"), "prod"), std::nullopt);
  EXPECT_EQ(TakeFrom(&offered, Of("gpus:1"), "*"), std::nullopt);
  EXPECT_EQ(offered, Of("cpus:4;mem:100;cpus(other):8"));
}

TEST(TakeFromTest, TakesReservationsThatAreWrittenOutAsTheyAre) {
  Resources offered = Of("cpus(prod):1;cpus:4");
  EXPECT_EQ(TakeFrom(&offered, Of("cpus(prod):1"), "prod"), Of("cpus(prod):1"));
  EXPECT_EQ(TakeFrom(&offered, Of("cpus(prod):1"), "prod"), std::nullopt);
}

}  // namespace
}  // namespace tepui::frameworks
