// SPDX-License-Identifier: Apache-2.0
#include "resources/resources.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "resources/make_resources.h"

namespace tepui {
namespace {

Resource Volume(const std::string& id, double size, const std::string& more = "") {
  return Disk(size, "reservations { type: DYNAMIC role: 'r' } disk { persistence { id: '" + id +
                        "' } volume { container_path: 'data' mode: RW } } " + more);
}

Resource SharedVolume(const std::string& id, double size) { return Volume(id, size, "shared {}"); }

Resource Source(const std::string& source, double size) {
  return Disk(size, "disk { source { " + source + " } }");
}

TEST(ResourcesTest, ScalarsSumExactly) {
  const Resources one = R("cpus:1.001");
  Resources current = one;
  for (int i = 0; i < 2500; ++i) current = current + one + one - one - one;
  EXPECT_EQ(current, one);
  EXPECT_EQ(current.Scalar(ResourceNames::Cpus()).milli(), 1001);
}

TEST(ResourcesTest, SubtractingTooMuchOrTheAbsentLeavesNothingNegative) {
  EXPECT_TRUE((R("cpus:1") - R("cpus:2")).empty());
  EXPECT_EQ(R("cpus:1;mem:5") - R("disk:1;cpus(r):1"), R("cpus:1;mem:5"));
  EXPECT_EQ(R("ports:[1-10]") - R("ports:[5-20]"), R("ports:[1-4]"));
  EXPECT_EQ(R("tags:{a,b}") - R("tags:{b,c}"), R("tags:{a}"));
}

TEST(ResourcesTest, DifferentMetadataStaysApart) {
  const Resources sum = R("cpus:1;cpus(a):2;cpus(a/b):3") + Reserved(R("cpus:4"), "a");
  EXPECT_EQ(sum.size(), 4u);
  EXPECT_EQ(sum.Scalar(ResourceNames::Cpus()).milli(), 10000);
  EXPECT_FALSE(sum.Contains(R("cpus:2")));
  EXPECT_TRUE(sum.Contains(R("cpus(a):2")));
  EXPECT_FALSE(sum.Contains(R("cpus(a):3")));
  EXPECT_EQ(sum - R("cpus(a):2"), R("cpus:1;cpus(a/b):3") + Reserved(R("cpus:4"), "a"));
}

TEST(ResourcesTest, OnesOwnEntriesAreSafeOperands) {
  Resources resources = R("cpus:1;mem:2;ports:[1-5]");
  resources += resources;
  EXPECT_EQ(resources, R("cpus:2;mem:4;ports:[1-5]"));
  resources += *resources.begin();
  EXPECT_EQ(resources.Scalar(ResourceNames::Cpus()).milli(), 4000);
  resources -= *resources.begin();
  EXPECT_EQ(resources, R("mem:4;ports:[1-5]"));
  Resources volume = {Volume("v", 1)};
  volume += *volume.begin();
  EXPECT_EQ(volume.size(), 2u);
  resources -= resources;
  EXPECT_TRUE(resources.empty());
}

TEST(ResourcesTest, CopiesDoNotSeeEachOther) {
  const Resources original = R("ports:[1-10];tags:{a,b}");
  Resources copy = original;
  copy += R("ports:[20-30];tags:{c}");
  copy -= R("ports:[1-1];tags:{a}");
  EXPECT_EQ(original, R("ports:[1-10];tags:{a,b}"));
  EXPECT_EQ(copy, R("ports:[2-10,20-30];tags:{b,c}"));
}

TEST(ResourcesTest, Ports) {
  EXPECT_EQ(R("ports:[1-10];ports(r):[11-12,5-6]").Ports(),
            (std::vector<std::pair<uint64_t, uint64_t>>{{1, 12}}));
  EXPECT_TRUE(R("cpus:1").Ports().empty());
}

TEST(ResourcesTest, Quantities) {
  const Resources resources = R("cpus:1;cpus(r):2;mem:5;ports:[1-2]") +
                              Resources{SharedVolume("s", 10)} + Resources{SharedVolume("s", 10)};
  EXPECT_EQ(resources.ScalarQuantities().ToString(), "cpus:3; mem:5; disk:10");
}

// MOUNT disks are exclusive: two of them do not make one of twice the size (reference 2.11).
TEST(DiskTest, IndivisibleDisksAreNeverSummedOrSplit) {
  for (const char* source :
       {"type: MOUNT mount { root: '/m' }", "type: BLOCK id: 'b'", "type: RAW id: 'i'"}) {
    const Resource disk = Source(source, 10);
    const Resources two = {disk, disk};
    EXPECT_EQ(two.size(), 2u) << source;
    EXPECT_FALSE(two.Contains(Source(source, 5))) << source;
    EXPECT_EQ(two - Resources{Source(source, 5)}, two) << source;
    EXPECT_EQ(two - Resources{disk}, Resources{disk}) << source;
    EXPECT_TRUE(two.Contains(two)) << source;
    EXPECT_FALSE(Resources{disk}.Contains(two)) << source;
    EXPECT_TRUE((two - two - Resources{disk}).empty()) << source;
  }
}

TEST(DiskTest, PathAndAnonymousRawDisksAreDivisible) {
  for (const char* source : {"type: PATH path { root: '/d' }", "type: RAW profile: 'fast'"}) {
    const Resources sum = {Source(source, 10), Source(source, 10)};
    EXPECT_EQ(sum, Resources{Source(source, 20)}) << source;
    EXPECT_TRUE(sum.Contains(Source(source, 5))) << source;
    EXPECT_EQ(sum - Resources{Source(source, 5)}, Resources{Source(source, 15)}) << source;
    EXPECT_FALSE(sum.Contains(Disk(1, ""))) << source;
  }
}

TEST(DiskTest, VolumesAreSubtractedWhole) {
  const Resources volumes = {Volume("a", 10), Volume("b", 10)};
  EXPECT_EQ(volumes.size(), 2u);
  EXPECT_FALSE(volumes.Contains(Volume("a", 5)));
  EXPECT_EQ(volumes - Resources{Volume("a", 5)}, volumes);
  EXPECT_EQ(volumes - Resources{Volume("a", 10)}, Resources{Volume("b", 10)});
  EXPECT_EQ(volumes.PersistentVolumes(), volumes);
}

TEST(SharedTest, CopiesAreCounted) {
  const Resource volume = SharedVolume("s", 64);
  Resources resources = {volume, volume};
  ASSERT_EQ(resources.size(), 1u);
  EXPECT_EQ(resources.begin()->shared_count(), 2u);
  EXPECT_EQ(resources.Scalar(ResourceNames::Disk()).milli(), 64000);
  EXPECT_TRUE(resources.Contains(Resources{volume}));
  EXPECT_FALSE(Resources{volume}.Contains(resources));
  EXPECT_FALSE(resources == Resources{volume});
  resources -= volume;
  EXPECT_EQ(resources, Resources{volume});
  resources -= volume;
  EXPECT_TRUE(resources.empty());
  resources -= volume;
  EXPECT_TRUE(resources.empty());
}

TEST(SharedTest, DifferentSizeOrSharingIsAnotherVolume) {
  const Resources resources = {SharedVolume("s", 64), SharedVolume("s", 32), Volume("s", 64)};
  EXPECT_EQ(resources.size(), 3u);
  EXPECT_EQ(resources.Shared().size(), 2u);
  EXPECT_EQ(resources.NonShared(), Resources{Volume("s", 64)});
}

TEST(SharedTest, WrittenOnce) {
  const Resources two = {SharedVolume("s", 64), SharedVolume("s", 64)};
  google::protobuf::RepeatedPtrField<v1::Resource> protos;
  two.ToProto(&protos);
  EXPECT_EQ(protos.size(), 1);
  EXPECT_TRUE(protos.Get(0).has_shared());
}

TEST(AllocationTest, AllocatedAndNotAreDifferent) {
  const Resources free = R("cpus:1;mem:5");
  Resources allocated = free;
  allocated.Allocate("role");
  EXPECT_FALSE(allocated == free);
  EXPECT_FALSE(allocated.Contains(free));
  EXPECT_EQ((allocated + free).size(), 4u);
  EXPECT_EQ((allocated + free).AllocatedTo("role"), allocated);
  EXPECT_EQ((allocated + free).Unallocated(), free);
  EXPECT_EQ(allocated.ToString(), "cpus(allocated: role):1; mem(allocated: role):5");
  allocated.Unallocate();
  EXPECT_EQ(allocated, free);
}

TEST(AllocationTest, AllocatingAMixtureSumsIt) {
  Resources a = R("cpus:1;ports:[1-2]");
  Resources b = R("cpus:2;ports:[3-4]");
  a.Allocate("a");
  b.Allocate("b");
  const Resources both = a + b + R("cpus:4");
  Resources one = both;
  one.Allocate("c");
  Resources expected = R("cpus:7;ports:[1-4]");
  EXPECT_EQ(one.size(), 2u);
  Resources none = both;
  none.Unallocate();
  EXPECT_EQ(none, expected);
  expected.Allocate("c");
  EXPECT_EQ(one, expected);

  const auto by_role = both.ByAllocationRole();
  ASSERT_EQ(by_role.size(), 3u);
  EXPECT_EQ(by_role[0], (std::pair<std::string, Resources>("", R("cpus:4"))));
  EXPECT_EQ(by_role[1], (std::pair<std::string, Resources>("a", a)));
  EXPECT_EQ(by_role[2], (std::pair<std::string, Resources>("b", b)));
}

TEST(FilterTest, ByReservation) {
  const Resources resources = R("cpus:1;cpus(a):2;cpus(a/b):3;mem(c):5");
  EXPECT_EQ(resources.Unreserved(), R("cpus:1"));
  EXPECT_EQ(resources.Reserved(), R("cpus(a):2;cpus(a/b):3;mem(c):5"));
  EXPECT_EQ(resources.ReservedTo("a"), R("cpus(a):2"));
  EXPECT_TRUE(resources.ReservedTo("*").empty());
  EXPECT_EQ(resources.AllocatableTo("a/b"), R("cpus:1;cpus(a):2;cpus(a/b):3"));
  EXPECT_EQ(resources.AllocatableTo("a"), R("cpus:1;cpus(a):2"));
  EXPECT_EQ(resources.AllocatableTo("x"), R("cpus:1"));
  EXPECT_EQ(resources.WithoutReservations(), R("cpus:6;mem:5"));
  EXPECT_EQ(resources.Filter([](const Resource& r) { return r.name() == ResourceNames::Mem(); }),
            R("mem(c):5"));
}

TEST(FilterTest, ByKind) {
  const Resource revocable = One("name: 'cpus' type: SCALAR scalar { value: 2 } revocable {}");
  const Resources resources = R("cpus:1;ports:[1-2]") + Resources{revocable};
  EXPECT_EQ(resources.Revocable(), Resources{revocable});
  EXPECT_EQ(resources.NonRevocable(), R("cpus:1;ports:[1-2]"));
  EXPECT_EQ(resources.Scalars(), R("cpus:1") + Resources{revocable});
}

TEST(ReservationTest, PushAndPop) {
  const Resources plain = R("cpus:1;mem:5");
  const Resources reserved = Reserved(plain, "a");
  const Resources refined = Reserved(reserved, "a/b");
  EXPECT_EQ(refined.PopReservation(), reserved);
  EXPECT_EQ(reserved.PopReservation(), plain);
  EXPECT_EQ(plain.PopReservation(), plain);
  EXPECT_TRUE(refined.begin()->is_dynamically_reserved());
  EXPECT_EQ(refined.begin()->reservation_role(), "a/b");
}

TEST(ReservationTest, PopMayMakeTwoEqual) {
  EXPECT_EQ(
      (R("cpus:1") + Reserved(R("cpus:2"), "a") + Reserved(R("cpus:4"), "b")).PopReservation(),
      R("cpus:7"));
}

TEST(ReservationTest, PushOfAWrongOneFails) {
  EXPECT_FALSE(R("cpus(a):1").PushReservation(Dynamic("a")));
  EXPECT_FALSE(R("cpus(a):1").PushReservation(Dynamic("b")));
  EXPECT_FALSE(R("cpus:1").PushReservation(Dynamic("*")));
  EXPECT_FALSE(R("cpus:1").PushReservation({}));
  auto wrong = R("cpus(a):1").PushReservation(Dynamic("b"));
  EXPECT_EQ(wrong.error().message,
            "Resource 'cpus(reservations: [(STATIC,a)]):1' cannot be reserved: the reservation to "
            "'b' does not refine "
            "that to 'a': it must be a role below it");
}

TEST(ResourcesTest, FromProtoReportsTheWrongOne) {
  google::protobuf::RepeatedPtrField<v1::Resource> protos;
  *protos.Add() = Proto("name: 'cpus' type: SCALAR scalar { value: 1 }");
  *protos.Add() = Proto("name: 'mem' type: SCALAR scalar { value: -5 }");
  auto resources = Resources::FromProto(protos);
  ASSERT_FALSE(resources);
  EXPECT_EQ(resources.error(),
            (Error{Code::kInvalid, "Resource 'mem:-5' is invalid: the value -5 is negative"}));
}

// What a peer sends in one list is refused beyond what a single amount may be, however it divides
// it.
TEST(ResourcesTest, TheSumOfANameIsBounded) {
  google::protobuf::RepeatedPtrField<v1::Resource> protos;
  *protos.Add() = Proto("name: 'cpus' type: SCALAR scalar { value: 9e11 }");
  *protos.Add() = Proto("name: 'mem' type: SCALAR scalar { value: 9e11 }");
  *protos.Add() = Proto(
      "name: 'cpus' type: SCALAR scalar { value: 1e11 } reservations { type: STATIC role: 'a' }");
  EXPECT_TRUE(Resources::FromProto(protos));
  *protos.Add() = Proto("name: 'cpus' type: SCALAR scalar { value: 0.001 }");
  auto refused = Resources::FromProto(protos);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            (Error{Code::kInvalid,
                   "The amounts of 'cpus' add up to more than 1000000000000, which is refused"}));
  EXPECT_FALSE(Resources::Parse("cpus:1e12;mem:1;cpus:1"));
}

TEST(ResourcesTest, TheNumberOfNamesIsBounded) {
  std::string text;
  for (size_t i = 0; i < Resources::kMaxNames; ++i) text += "bound-" + std::to_string(i) + ":1;";
  EXPECT_TRUE(Resources::Parse(text));
  auto refused = Resources::Parse(text + "cpus:1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{Code::kInvalid, "The resources have more than 128 names"}));
  EXPECT_FALSE(Resources::Parse(text + "another:0")) << "also names without an amount take a place";
  EXPECT_FALSE((R(text) + R("cpus:1")).CheckBounds());
}

// Nothing is clamped while sums of lists keep to the bounds: what is added can be taken away again.
TEST(ResourcesTest, SumsWithinTheBoundsAreExact) {
  SeededRandom random(5);
  const Resources most = R("cpus:1e12;mem(a):1e12;custom:1e12");
  Resources sum;
  std::vector<Resources> added;
  for (int step = 0; step < 5000; ++step) {
    if (!added.empty() && random.Below(2) == 0) {
      sum -= added.back();
      added.pop_back();
      continue;
    }
    Resources part;
    for (const Resource& entry : most) {
      part += entry.WithScalar(
          Amount::FromMilli(static_cast<int64_t>(random.Below(Amount::kMaxMilli / 2))));
    }
    if (!(sum + part).CheckBounds()) continue;
    sum += part;
    added.push_back(std::move(part));
    ASSERT_TRUE(most.Contains(sum)) << sum;
  }
  for (const Resources& part : added) sum -= part;
  EXPECT_TRUE(sum.empty()) << sum;
}

}  // namespace
}  // namespace tepui
