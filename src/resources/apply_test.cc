// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resources/make_resources.h"

namespace tepui {
namespace {

using ::testing::HasSubstr;
using Operation = v1::Offer::Operation;

constexpr const char* kVolume =
    "reservations { type: DYNAMIC role: 'r' } disk { persistence { id: 'v' } volume { "
    "container_path: 'd' mode: RW } } ";

Operation Reserve(const Resources& resources, const Resources& source = {}) {
  Operation operation;
  operation.set_type(Operation::RESERVE);
  resources.ToProto(operation.mutable_reserve()->mutable_resources());
  source.ToProto(operation.mutable_reserve()->mutable_source());
  return operation;
}

Operation Unreserve(const Resources& resources) {
  Operation operation;
  operation.set_type(Operation::UNRESERVE);
  resources.ToProto(operation.mutable_unreserve()->mutable_resources());
  return operation;
}

Operation Create(const Resource& volume) {
  Operation operation;
  operation.set_type(Operation::CREATE);
  volume.ToProto(operation.mutable_create()->add_volumes());
  return operation;
}

Operation Destroy(const Resource& volume) {
  Operation operation;
  operation.set_type(Operation::DESTROY);
  volume.ToProto(operation.mutable_destroy()->add_volumes());
  return operation;
}

Operation Grow(const Resource& volume, const Resource& addition) {
  Operation operation;
  operation.set_type(Operation::GROW_VOLUME);
  volume.ToProto(operation.mutable_grow_volume()->mutable_volume());
  addition.ToProto(operation.mutable_grow_volume()->mutable_addition());
  return operation;
}

Operation Shrink(const Resource& volume, double less) {
  Operation operation;
  operation.set_type(Operation::SHRINK_VOLUME);
  volume.ToProto(operation.mutable_shrink_volume()->mutable_volume());
  operation.mutable_shrink_volume()->mutable_subtract()->set_value(less);
  return operation;
}

Resources Applied(const Resources& resources, const Operation& operation) {
  auto result = resources.Apply(operation);
  EXPECT_TRUE(result.has_value()) << result.error().message;
  if (!result) return {};
  EXPECT_EQ(result->ScalarQuantities(), resources.ScalarQuantities());
  EXPECT_EQ(result->Ports(), resources.Ports());
  return *result;
}

std::string Refusal(const Resources& resources, const Operation& operation) {
  auto result = resources.Apply(operation);
  return result ? "" : result.error().message;
}

// Reference 2.4.
TEST(ApplyTest, ReserveAndUnreserve) {
  const Resources free = R("cpus:4;mem:100;ports:[1-10]");
  const Resources reserved = Reserved(R("cpus:1;ports:[3-4]"), "r");
  const Resources after = Applied(free, Reserve(reserved));
  EXPECT_EQ(after, R("cpus:3;mem:100;ports:[1-2,5-10]") + reserved);
  EXPECT_EQ(Applied(after, Unreserve(reserved)), free);
}

TEST(ApplyTest, ReserveRefines) {
  const Resources resources = R("cpus(r):4");
  const Resources refined = Reserved(R("cpus(r):1"), "r/s");
  EXPECT_EQ(Applied(resources, Reserve(refined)), R("cpus(r):3") + refined);
}

TEST(ApplyTest, ReserveWithSourceTakesOverAReservation) {
  const Resources mine = Reserved(R("cpus:2"), "a");
  const Resources theirs = Reserved(R("cpus:2"), "b");
  EXPECT_EQ(Applied(mine, Reserve(theirs, mine)), theirs);
  EXPECT_THAT(Refusal(mine, Reserve(Reserved(R("cpus:3"), "b"), mine)), HasSubstr("differ"));
  EXPECT_THAT(Refusal(theirs, Reserve(theirs, mine)), HasSubstr("does not contain"));
}

TEST(ApplyTest, ReserveNeedsWhatItConsumes) {
  EXPECT_THAT(Refusal(R("cpus:1"), Reserve(Reserved(R("cpus:2"), "r"))),
              HasSubstr("cpus:1 does not contain cpus:2"));
  EXPECT_THAT(Refusal(R("cpus:1"), Reserve(R("cpus:1"))), HasSubstr("not dynamically reserved"));
  EXPECT_THAT(Refusal(R("cpus(r):1"), Reserve(R("cpus(r):1"))),
              HasSubstr("not dynamically reserved"));
}

TEST(ApplyTest, UnreserveOnlyWhatIsDynamic) {
  EXPECT_THAT(Refusal(R("cpus(r):1"), Unreserve(R("cpus(r):1"))),
              HasSubstr("not dynamically reserved"));
  EXPECT_THAT(Refusal({Disk(5, kVolume)}, Unreserve({Disk(5, kVolume)})),
              HasSubstr("destroy it before"));
  EXPECT_THAT(Refusal(Reserved(R("cpus:1"), "r"), Unreserve(Reserved(R("cpus:2"), "r"))),
              HasSubstr("does not contain"));
}

TEST(ApplyTest, AllocationInfoMustMatch) {
  Resources allocated = R("cpus:2");
  allocated.Allocate("r");
  const Resources reserved = Reserved(R("cpus:1"), "r");
  EXPECT_THAT(Refusal(allocated, Reserve(reserved)), HasSubstr("does not contain"));
  Resources allocated_reserved = reserved;
  allocated_reserved.Allocate("r");
  EXPECT_EQ(Applied(allocated, Reserve(allocated_reserved)).size(), 2u);
}

TEST(ApplyTest, CreateAndDestroy) {
  const Resources disk = Reserved(R("disk:100"), "r");
  const Resource volume = Disk(60, kVolume);
  const Resources after = Applied(disk, Create(volume));
  EXPECT_EQ(after, Reserved(R("disk:40"), "r") + Resources{volume});
  EXPECT_EQ(Applied(after, Destroy(volume)), disk);
  EXPECT_THAT(Refusal(disk, Destroy(volume)), HasSubstr("does not contain"));
  EXPECT_THAT(Refusal(R("disk:100"), Create(volume)), HasSubstr("does not contain"));
  EXPECT_THAT(Refusal(disk, Create(*R("disk(r):60").begin())),
              HasSubstr("not a persistent volume"));
  EXPECT_THAT(Refusal(disk, Create(Disk(0, kVolume))), HasSubstr("empty"));
}

TEST(ApplyTest, CreateOnMountTakesTheWholeDisk) {
  const std::string reserved = "reservations { type: DYNAMIC role: 'r' } ";
  const std::string source = "source { type: MOUNT mount { root: '/m' } } ";
  const Resources mount = {Disk(100, reserved + "disk { " + source + "}")};
  const Resource whole = Disk(100, reserved + "disk { " + source + "persistence { id: 'v' } }");
  const Resource part = Disk(60, reserved + "disk { " + source + "persistence { id: 'v' } }");
  EXPECT_THAT(Refusal(mount, Create(part)), HasSubstr("does not contain"));
  EXPECT_EQ(Applied(mount, Create(whole)), Resources{whole});
  EXPECT_EQ(Applied({whole}, Destroy(whole)), mount);
  EXPECT_THAT(Refusal({whole}, Shrink(whole, 50)), HasSubstr("whole disk"));
  EXPECT_THAT(Refusal(Resources{whole} + mount, Grow(whole, *mount.begin())),
              HasSubstr("whole disk"));
}

TEST(ApplyTest, DestroyOfASharedVolumeNeedsTheLastCopy) {
  const Resource volume = Disk(60, std::string(kVolume) + "shared {}");
  EXPECT_EQ(Applied(Reserved(R("disk:60"), "r"), Create(volume)), Resources{volume});
  EXPECT_THAT(Refusal({volume, volume}, Destroy(volume)), HasSubstr("more copies"));
  EXPECT_EQ(Applied({volume}, Destroy(volume)), Reserved(R("disk:60"), "r"));
}

TEST(ApplyTest, GrowAndShrink) {
  const Resource volume = Disk(60, kVolume);
  const Resource addition = *Reserved(R("disk:30"), "r").begin();
  const Resources resources = Resources{volume} + Reserved(R("disk:40"), "r");
  const Resources grown = Applied(resources, Grow(volume, addition));
  EXPECT_EQ(grown, Resources{Disk(90, kVolume)} + Reserved(R("disk:10"), "r"));
  EXPECT_EQ(Applied(grown, Shrink(Disk(90, kVolume), 30)), resources);
}

TEST(ApplyTest, ResizeRefused) {
  const Resource volume = Disk(60, kVolume);
  const Resources resources =
      Resources{volume} + Reserved(R("disk:40"), "r") + R("disk:5;cpus(r):5");
  EXPECT_THAT(Refusal(resources, Grow(volume, *R("disk:5").begin())), HasSubstr("different kind"));
  EXPECT_THAT(Refusal(resources, Grow(volume, *R("cpus(r):5").begin())),
              HasSubstr("different kind"));
  EXPECT_THAT(Refusal(resources, Grow(volume, *Reserved(R("disk:41"), "r").begin())),
              HasSubstr("does not contain"));
  EXPECT_THAT(Refusal(resources, Grow(volume, Disk(0, ""))), HasSubstr("add something"));
  for (double less : {0.0, 60.0, 61.0, -1.0, 1e300})
    EXPECT_NE(Refusal(resources, Shrink(volume, less)), "") << less;
  const Resource shared = Disk(60, std::string(kVolume) + "shared {}");
  EXPECT_THAT(Refusal({shared}, Shrink(shared, 10)), HasSubstr("shared"));
  const Resource provided = Disk(60, std::string(kVolume) + "provider_id { value: 'p' }");
  EXPECT_THAT(Refusal({provided}, Shrink(provided, 10)), HasSubstr("resource provider"));
}

TEST(ApplyTest, OthersChangeNothingOrAreRefused) {
  const Resources resources = R("cpus:1");
  Operation operation;
  EXPECT_NE(Refusal(resources, operation), "");
  operation.set_type(Operation::LAUNCH);
  EXPECT_EQ(Applied(resources, operation), resources);
  operation.set_type(Operation::LAUNCH_GROUP);
  EXPECT_EQ(Applied(resources, operation), resources);
  operation.set_type(Operation::CREATE_DISK);
  EXPECT_EQ(resources.Apply(operation).error().code, Code::kUnimplemented);
}

TEST(ApplyTest, InvalidResourcesAreRefused) {
  Operation operation = Reserve(Reserved(R("cpus:1"), "r"));
  operation.mutable_reserve()->mutable_resources(0)->mutable_scalar()->set_value(-1);
  EXPECT_THAT(Refusal(R("cpus:1"), operation), HasSubstr("negative"));
}

}  // namespace
}  // namespace tepui
