// SPDX-License-Identifier: Apache-2.0
#include "sim/frameworks/offer_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resources/make_resources.h"

namespace tepui::sim {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::Offer OfferOf(Resources resources, const std::string& role = "r") {
  v1::Offer offer;
  resources.Allocate(role);
  resources.ToProto(offer.mutable_resources());
  return offer;
}

OfferPool PoolOf(const Resources& resources) {
  OfferPool pool(ResourceFormat::kPostReservationRefinement);
  pool.Add(OfferOf(resources));
  return pool;
}

Resources Parse(const OfferPool::List& list) { return Resources::FromProto(list).value(); }

TEST(OfferPool, GivesWhatIsReservedFirstAndKeepsItsMetadata) {
  OfferPool pool = PoolOf(R("cpus:2;mem:100") + Reserved(R("cpus:1"), "r"));
  OfferPool::List taken;
  ASSERT_TRUE(pool.Take(Amounts(1.5, 60), &taken));
  Resources expected = R("cpus:0.5;mem:60") + Reserved(R("cpus:1"), "r");
  expected.Allocate("r");
  EXPECT_EQ(Parse(taken), expected);
  Resources left = R("cpus:1.5;mem:40");
  left.Allocate("r");
  EXPECT_EQ(pool.left(), left);
}

TEST(OfferPool, GivesAllOrNothing) {
  OfferPool pool = PoolOf(R("cpus:2;mem:100"));
  OfferPool::List taken;
  EXPECT_FALSE(pool.Take(Amounts(1, 101), &taken));
  EXPECT_FALSE(pool.Take(Amounts(1, 1, 1), &taken));
  EXPECT_THAT(taken, IsEmpty());
  EXPECT_TRUE(pool.Take(Amounts(2, 100), &taken));
  EXPECT_THAT(pool.left(), IsEmpty());
}

TEST(OfferPool, LeavesVolumesAlone) {
  OfferPool pool = PoolOf(Resources{Disk(10, ""), Disk(90, R"(
      reservations { type: DYNAMIC role: 'r' } disk { persistence { id: 'v' }
      volume { container_path: 'd' mode: RW } })")});
  OfferPool::List taken;
  EXPECT_FALSE(pool.Take(Amounts(0, 0, 11), &taken));
  EXPECT_TRUE(pool.Take(Amounts(0, 0, 10), &taken));
  EXPECT_THAT(pool.left(), SizeIs(1));
}

TEST(OfferPool, AddsOffersUp) {
  OfferPool pool(ResourceFormat::kPostReservationRefinement);
  pool.Add(OfferOf(R("cpus:1;mem:10")));
  pool.Add(OfferOf(R("cpus:1;mem:10")));
  OfferPool::List taken;
  EXPECT_TRUE(pool.Take(Amounts(2, 20), &taken));
}

TEST(OfferPool, TakesUnreservedResourcesOnlyIfAsked) {
  OfferPool pool = PoolOf(R("cpus:1;mem:10") + Reserved(R("cpus:1"), "r"));
  Resources taken;
  EXPECT_FALSE(pool.TakeUnreserved(Amounts(1.5, 1), &taken));
  EXPECT_TRUE(pool.TakeUnreserved(Amounts(1, 1), &taken));
  EXPECT_THAT(taken.Reserved(), IsEmpty());
}

TEST(OfferPool, TakesOnePortAtATime) {
  OfferPool pool = PoolOf(R("ports:[7-8]"));
  OfferPool::List taken;
  EXPECT_TRUE(pool.TakePort(&taken));
  EXPECT_TRUE(pool.TakePort(&taken));
  EXPECT_FALSE(pool.TakePort(&taken));
  EXPECT_EQ(Parse(taken).Ports(), (std::vector<std::pair<uint64_t, uint64_t>>{{7, 8}}));
}

TEST(OfferPool, WritesTheFormItWasAskedFor) {
  OfferPool pool(ResourceFormat::kPreReservationRefinement);
  pool.Add(OfferOf(Reserved(R("cpus:1"), "r")));
  OfferPool::List taken;
  ASSERT_TRUE(pool.Take(Amounts(1, 0), &taken));
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_EQ(taken[0].role(), "r");
  EXPECT_THAT(taken[0].reservations(), IsEmpty());
}

}  // namespace
}  // namespace tepui::sim
