// SPDX-License-Identifier: Apache-2.0
#include "resources/resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "resources/make_resources.h"

namespace tepui {
namespace {

using ::testing::HasSubstr;

std::string Refusal(const v1::Resource& proto) {
  auto resource = Resource::FromProto(proto);
  if (resource) return "";
  EXPECT_EQ(resource.error().code, Code::kInvalid);
  return resource.error().message;
}

constexpr const char* kCpus = "name: 'cpus' type: SCALAR scalar { value: 1 } ";
constexpr const char* kDisk = "name: 'disk' type: SCALAR scalar { value: 64 } ";

TEST(ResourceTest, PlainScalar) {
  const Resource cpus = One(kCpus);
  EXPECT_EQ(cpus.name(), ResourceNames::Cpus());
  EXPECT_EQ(cpus.scalar().milli(), 1000);
  EXPECT_TRUE(cpus.is_unreserved());
  EXPECT_EQ(cpus.reservation_role(), "*");
  EXPECT_EQ(cpus.allocation_role(), "");
  EXPECT_FALSE(cpus.is_revocable() || cpus.is_shared() || cpus.is_persistent_volume() ||
               cpus.is_indivisible());
  EXPECT_EQ(cpus, Resource(ResourceNames::Cpus(), Amount::FromMilli(1000)));
}

TEST(ResourceTest, CopiesAndMovesOfLists) {
  Resource ports = One("name: 'ports' type: RANGES ranges { range { begin: 1 end: 2 } }");
  Resource copy = ports;
  const Resource moved = std::move(ports);
  EXPECT_EQ(copy, moved);
  EXPECT_TRUE(ports.empty());  // NOLINT: a moved-from resource is empty.
  copy = One("name: 'tags' type: SET set { item: 'b' item: 'a' }");
  EXPECT_EQ(copy.items().size(), 2u);
  EXPECT_EQ(moved.ranges().size(), 1u);
  copy = One(kCpus);
  EXPECT_TRUE(copy.items().empty());
}

// The checks that Mesos makes of each resource (reference 2.11).
TEST(ResourceValidationTest, Values) {
  v1::Resource cpus = Proto(kCpus);
  cpus.mutable_scalar()->set_value(-1);
  EXPECT_EQ(Refusal(cpus), "Resource 'cpus:-1' is invalid: the value -1 is negative");
  for (double bad : {std::nan(""), std::numeric_limits<double>::infinity(), 1e19, 1e300}) {
    cpus.mutable_scalar()->set_value(bad);
    EXPECT_NE(Refusal(cpus), "") << bad;
  }
  cpus.clear_scalar();
  EXPECT_THAT(Refusal(cpus), HasSubstr("must have a scalar value"));
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "set { item: 'a' }")), HasSubstr("and no other"));
  EXPECT_THAT(Refusal(Proto("name: 'x' type: TEXT")), HasSubstr("TEXT"));
  EXPECT_THAT(Refusal(Proto("name: '' type: SCALAR scalar { value: 1 }")),
              HasSubstr("must have a name"));
  EXPECT_THAT(Refusal(Proto("name: 'a b' type: SCALAR scalar { value: 1 }")),
              HasSubstr("white space"));
  EXPECT_THAT(Refusal(Proto("name: 'cpus' type: RANGES ranges {}")),
              HasSubstr("cpus must be a SCALAR"));
  EXPECT_THAT(Refusal(Proto("name: 'ports' type: SCALAR scalar { value: 1 }")),
              HasSubstr("ports must be RANGES"));
}

TEST(ResourceValidationTest, GpusAreWhole) {  // Reference trap 9.
  EXPECT_EQ(Refusal(Proto("name: 'gpus' type: SCALAR scalar { value: 2 }")), "");
  EXPECT_THAT(Refusal(Proto("name: 'gpus' type: SCALAR scalar { value: 0.5 }")),
              HasSubstr("gpus are whole"));
}

TEST(ResourceValidationTest, RangesAndSets) {
  EXPECT_THAT(Refusal(Proto("name: 'ports' type: RANGES ranges { range { begin: 2 end: 1 } }")),
              HasSubstr("ends before it begins"));
  EXPECT_THAT(Refusal(Proto("name: 'ports' type: RANGES ranges { range { begin: 5 end: 9 } range { "
                            "begin: 1 end: 5 } }")),
              HasSubstr("1-5 and 5-9 overlap"));
  EXPECT_EQ(One("name: 'ports' type: RANGES ranges { range { begin: 5 end: 9 } range { begin: 1 "
                "end: 4 } }")
                .ToString(),
            "ports:[1-9]");
  EXPECT_THAT(Refusal(Proto("name: 'tags' type: SET set { item: 'a' item: 'b' item: 'a' }")),
              HasSubstr("'a' is in the set twice"));
}

TEST(ResourceValidationTest, Disks) {
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "disk {}")),
              HasSubstr("only the resource 'disk'"));
  EXPECT_THAT(Refusal(Proto(std::string(kDisk) + "disk { source { type: UNKNOWN } }")),
              HasSubstr("PATH, MOUNT"));
  EXPECT_THAT(
      Refusal(Proto(std::string(kDisk) + "disk { source { type: RAW mount { root: '/m' } } }")),
      HasSubstr("neither path nor mount"));
  EXPECT_THAT(Refusal(Proto(std::string(kDisk) + "disk { source { type: BLOCK path {} } }")),
              HasSubstr("BLOCK"));
  EXPECT_THAT(Refusal(Proto(std::string(kDisk) + "shared {}")),
              HasSubstr("only persistent volumes"));
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "shared {}")),
              HasSubstr("only persistent volumes"));
}

TEST(ResourceValidationTest, OldFormOfReservations) {
  EXPECT_EQ(Refusal(Proto(std::string(kCpus) + "role: 'r' reservation { principal: 'p' }")), "");
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "role: 'a//b'")), HasSubstr("role 'a//b'"));
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "reservation {}")),
              HasSubstr("cannot be reserved"));
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "role: 'r' reservation { type: DYNAMIC }")),
              HasSubstr("'type'"));
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "role: 'r' reservation { role: 'r' }")),
              HasSubstr("'role'"));
}

TEST(ResourceValidationTest, StackOfReservations) {
  const auto refusal = [](const std::string& stack) {
    return Refusal(Proto(std::string(kCpus) + stack));
  };
  EXPECT_EQ(
      refusal("reservations { type: STATIC role: 'a' } reservations { type: DYNAMIC role: 'a/b' }"),
      "");
  EXPECT_THAT(refusal("reservations { role: 'a' }"), HasSubstr("type"));
  EXPECT_THAT(refusal("reservations { type: UNKNOWN role: 'a' }"), HasSubstr("type"));
  EXPECT_THAT(refusal("reservations { type: STATIC }"), HasSubstr("role"));
  EXPECT_THAT(refusal("reservations { type: STATIC role: '*' }"), HasSubstr("'*'"));
  EXPECT_THAT(refusal("reservations { type: STATIC role: 'a b' }"), HasSubstr("white space"));
  EXPECT_THAT(
      refusal("reservations { type: DYNAMIC role: 'a' } reservations { type: STATIC role: 'a/b' }"),
      HasSubstr("only the first"));
  EXPECT_THAT(
      refusal("reservations { type: DYNAMIC role: 'a' } reservations { type: DYNAMIC role: 'ab' }"),
      HasSubstr("does not refine"));
}

TEST(ResourceValidationTest, BothFormsMustAgree) {
  const auto refusal = [](const std::string& more) {
    return Refusal(Proto(std::string(kCpus) + more));
  };
  const std::string dynamic =
      "reservations { type: DYNAMIC role: 'a' principal: 'p' labels { labels { key: 'k' } } } ";
  EXPECT_EQ(
      refusal(dynamic + "role: 'a' reservation { principal: 'p' labels { labels { key: 'k' } } }"),
      "");
  EXPECT_THAT(refusal(dynamic + "role: 'b' reservation { principal: 'p' }"),
              HasSubstr("'role' is 'b'"));
  EXPECT_THAT(refusal(dynamic + "role: 'a'"), HasSubstr("both"));
  EXPECT_THAT(refusal(dynamic + "role: 'a' reservation { principal: 'q' }"),
              HasSubstr("principal 'q'"));
  EXPECT_THAT(refusal(dynamic + "role: 'a' reservation { principal: 'p' }"), HasSubstr("labels"));
  EXPECT_THAT(refusal("reservations { type: STATIC role: 'a' } role: 'a' reservation {}"),
              HasSubstr("STATIC"));
  EXPECT_THAT(refusal(dynamic + "reservations { type: DYNAMIC role: 'a/b' } role: 'a/b'"),
              HasSubstr("more than one"));
}

TEST(ResourceValidationTest, AllocationInfoAndProvider) {
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "allocation_info {}")), HasSubstr("no role"));
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "allocation_info { role: '-' }")),
              HasSubstr("role '-'"));
  EXPECT_THAT(Refusal(Proto(std::string(kCpus) + "provider_id { value: '' }")),
              HasSubstr("provider id"));
}

TEST(ResourceValidationTest, SentencesAreShort) {
  v1::Resource ports = Proto("name: 'ports' type: RANGES ranges {}");
  for (uint64_t i = 0; i < 10000; ++i) {
    auto* range = ports.mutable_ranges()->add_range();
    range->set_begin(i);
    range->set_end(i + 1);
  }
  EXPECT_LT(Refusal(ports).size(), 500u);
}

// The old and the new form read as one resource, and the requested form is written (reference 2.11,
// trap 4).
TEST(ResourceFormatTest, BothFormsAreRead) {
  EXPECT_EQ(One(std::string(kCpus) + "role: 'r'"),
            One(std::string(kCpus) + "reservations { type: STATIC role: 'r' }"));
  EXPECT_EQ(One(std::string(kCpus) + "role: 'r' reservation { principal: 'p' }"),
            One(std::string(kCpus) + "reservations { type: DYNAMIC role: 'r' principal: 'p' }"));
  EXPECT_EQ(One(std::string(kCpus) + "role: '*'"), One(kCpus));
}

std::string Written(const Resource& resource, ResourceFormat format) {
  v1::Resource proto;
  resource.ToProto(&proto, format);
  return proto.ShortDebugString();
}

TEST(ResourceFormatTest, WrittenAsAsked) {
  const Resource plain = One(kCpus);
  const Resource dynamic =
      One(std::string(kCpus) + "reservations { type: DYNAMIC role: 'r' principal: 'p' }");
  const Resource refined =
      One(std::string(kCpus) +
          "reservations { type: STATIC role: 'r' } reservations { type: DYNAMIC role: 'r/s' }");
  const std::string base = R"(name: "cpus" type: SCALAR scalar { value: 1 })";
  const std::string role = R"( role: "r" reservation { principal: "p" })";
  const std::string stack = R"( reservations { principal: "p" role: "r" type: DYNAMIC })";
  const std::string refined_stack =
      R"( reservations { role: "r" type: STATIC } reservations { role: "r/s" type: DYNAMIC })";

  EXPECT_EQ(Written(plain, ResourceFormat::kPostReservationRefinement), base);
  EXPECT_EQ(Written(plain, ResourceFormat::kPreReservationRefinement), base + R"( role: "*")");
  EXPECT_EQ(Written(plain, ResourceFormat::kEndpoint), base + R"( role: "*")");
  EXPECT_EQ(Written(dynamic, ResourceFormat::kPostReservationRefinement), base + stack);
  EXPECT_EQ(Written(dynamic, ResourceFormat::kPreReservationRefinement), base + role);
  EXPECT_EQ(Written(dynamic, ResourceFormat::kEndpoint), base + role + stack);
  for (auto format : {ResourceFormat::kPostReservationRefinement,
                      ResourceFormat::kPreReservationRefinement, ResourceFormat::kEndpoint}) {
    EXPECT_EQ(Written(refined, format), base + refined_stack);
  }
}

// Which properties are compared, and which are not.
TEST(ResourceTest, Identity) {
  const auto volume = [](const std::string& more) {
    return Disk(1, "disk { persistence { id: 'v' } " + more + " }");
  };
  EXPECT_EQ(volume(""), volume("volume { container_path: 'a' mode: RW }"));
  EXPECT_EQ(Disk(1, "disk { persistence { id: 'v' principal: 'p' } }"), volume(""));
  EXPECT_FALSE(volume("") == Disk(1, "disk { persistence { id: 'w' } }"));
  EXPECT_FALSE(volume("") == volume("source { type: PATH path { root: '/d' } }"));

  const auto labelled = [](const std::string& labels) {
    return One(std::string(kCpus) + "reservations { type: DYNAMIC role: 'r' labels { " + labels +
               " } }");
  };
  EXPECT_EQ(labelled("labels { key: 'a' value: '1' } labels { key: 'b' }"),
            labelled("labels { key: 'b' } labels { key: 'a' value: '1' }"));
  EXPECT_FALSE(labelled("labels { key: 'a' value: '' }") == labelled("labels { key: 'a' }"));
  EXPECT_FALSE(labelled("labels { key: 'a' } labels { key: 'a' }") ==
               labelled("labels { key: 'a' }"));
  EXPECT_FALSE(One(std::string(kCpus) + "revocable {}") == One(kCpus));
  EXPECT_FALSE(One(std::string(kCpus) + "provider_id { value: 'x' }") == One(kCpus));
  EXPECT_FALSE(One(std::string(kCpus) + "allocation_info { role: 'x' }") == One(kCpus));
}

TEST(ResourceTest, AllocatableTo) {
  const Resource reserved = One(std::string(kCpus) + "reservations { type: STATIC role: 'a' }");
  EXPECT_TRUE(One(kCpus).is_allocatable_to("b"));
  EXPECT_TRUE(reserved.is_allocatable_to("a"));
  EXPECT_TRUE(reserved.is_allocatable_to("a/b"));
  EXPECT_FALSE(reserved.is_allocatable_to("ab"));
  EXPECT_FALSE(reserved.is_allocatable_to("*"));
}

TEST(ResourcePrintingTest, AsMesosPrints) {
  EXPECT_EQ(One(kCpus).ToString(), "cpus:1");
  EXPECT_EQ(Disk(1.2345, "").ToString(), "disk:1.235");
  EXPECT_EQ(One("name: 'ports' type: RANGES ranges { range { begin: 9 end: 9 } range { begin: 1 "
                "end: 2 } }")
                .ToString(),
            "ports:[1-2, 9-9]");
  EXPECT_EQ(One("name: 'tags' type: SET set { item: 'b' item: 'a' }").ToString(), "tags:{a, b}");

  const std::string alice = "reservations { type: STATIC role: 'alice' } ";
  EXPECT_EQ(Disk(1, alice + "allocation_info { role: 'role' }").ToString(),
            "disk(allocated: role)(reservations: [(STATIC,alice)]):1");
  EXPECT_EQ(
      Disk(1,
           alice +
               "disk { persistence { id: 'hadoop' } volume { container_path: '/data' mode: RW } } "
               "revocable {}")
          .ToString(),
      "disk(reservations: [(STATIC,alice)])[hadoop:/data]{REV}:1");
  EXPECT_EQ(
      Disk(1,
           "disk { source { type: MOUNT mount { root: '/mnt1' } } persistence { id: 'hadoop' } "
           "volume { container_path: '/data' host_path: '/hdfs' mode: RW } }")
          .ToString(),
      "disk[MOUNT:/mnt1,hadoop:/hdfs:/data:rw]:1");
  EXPECT_EQ(Disk(1, "disk { source { type: PATH path { root: '/mnt2' } } }").ToString(),
            "disk[PATH:/mnt2]:1");
  EXPECT_EQ(Disk(1, "disk { source { type: RAW vendor: 'v' id: 'i' profile: 'p' } }").ToString(),
            "disk[RAW(v,i,p)]:1");
  EXPECT_EQ(
      Disk(1, alice + "reservations { type: DYNAMIC role: 'alice/refined' principal: 'hdfs-p' "
                      "labels { labels { key: 'foo' value: 'bar' } labels { key: 'foo' } } }")
          .ToString(),
      "disk(reservations: [(STATIC,alice),(DYNAMIC,alice/refined,hdfs-p,{foo: bar, foo})]):1");
  EXPECT_EQ(Disk(64,
                 "reservations { type: STATIC role: 'role1' } shared {} "
                 "disk { persistence { id: 'id1' } volume { container_path: 'path1' mode: RW } }")
                .ToString(),
            "disk(reservations: [(STATIC,role1)])[id1:path1]<SHARED>:64<1>");
}

// Messages print like the resources they hold, in either form, even when they are invalid.
TEST(ResourcePrintingTest, Messages) {
  google::protobuf::RepeatedPtrField<v1::Resource> resources;
  EXPECT_EQ(FormatResources(resources), "{}");
  *resources.Add() = Proto(std::string(kCpus) + "role: 'r' reservation { principal: 'p' }");
  *resources.Add() = Proto("name: 'ports' type: RANGES ranges { range { begin: 2 end: 1 } }");
  *resources.Add() = Proto("name: 'mem' type: SCALAR scalar { value: -1e300 }");
  EXPECT_EQ(FormatResources(resources),
            "cpus(reservations: [(DYNAMIC,r,p)]):1; ports:[2-1]; mem:-1e+300");
  EXPECT_EQ(FormatValue(resources.Get(1)), "[2-1]");
  for (const std::string& text :
       {std::string("cpus:1"), std::string("ports:[1-2, 4-4]"), std::string("tags:{a, b}")}) {
    google::protobuf::RepeatedPtrField<v1::Resource> protos;
    R(text).ToProto(&protos);
    EXPECT_EQ(FormatResources(protos), text);
  }
}

}  // namespace
}  // namespace tepui
