// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resources/make_resources.h"

namespace tepui {
namespace {

using ::testing::HasSubstr;

std::string Refusal(std::string_view text) {
  auto resources = Resources::Parse(text);
  if (resources) return "";
  EXPECT_EQ(resources.error().code, Code::kInvalid);
  return resources.error().message;
}

TEST(ParseTest, Text) {
  const Resources resources =
      R("cpus:45.55; mem : 1024;ports:[10000-20000, 30000-50000];disks:{sda1};\n");
  EXPECT_EQ(resources.ToString(),
            "cpus:45.55; mem:1024; ports:[10000-20000, 30000-50000]; disks:{sda1}");
  EXPECT_TRUE(R("").empty());
  EXPECT_TRUE(R("gpus:0;ports:[];tags:{}").empty());
}

TEST(ParseTest, RolesAndDefaultRole) {
  EXPECT_EQ(R("cpus:2.5;ports(role2):[0-100]", "role1"),
            R("cpus(role1):2.5;ports( role2 ):[0-100]"));
  EXPECT_EQ(R("cpus(*):1", "role1"), R("cpus:1"));
  EXPECT_EQ(R("cpus(a/b):1").ToString(), "cpus(reservations: [(STATIC,a/b)]):1");
  EXPECT_FALSE(Resources::Parse("cpus:1", "a//b"));
}

TEST(ParseTest, EqualOnesAreSummed) {
  EXPECT_EQ(R("cpus:1;cpus:0.5;ports:[1-2];ports:[3-3]"), R("cpus:1.5;ports:[1-3]"));
  EXPECT_EQ(R("cpus:1;cpus(r):1").size(), 2u);
}

TEST(ParseTest, TextRefused) {
  for (std::string_view bad : {"cpus",
                               "cpus(role1)",
                               "cpus(role1:1",
                               "cpus)(role1:1",
                               "cpus(r)x:1",
                               "cpus((r)):1",
                               "foo(role1):1;foo(role2):[0-1]",
                               "cpus:-1",
                               "cpus:x",
                               "cpus:1:2",
                               "cpus:0.00001",
                               ":1",
                               "cpus():1",
                               "cpus(a b):1",
                               "ports:[1-0]",
                               "gpus:1.5",
                               "cpus:[1-2]",
                               "a b:1",
                               "tags:{a,a}",
                               "cpus:1e20",
                               "{\"name\":\"cpus\"}"}) {
    EXPECT_NE(Refusal(bad), "") << bad;
  }
  EXPECT_EQ(Refusal("mem:1;cpus=4"),
            "'cpus=4' is not a resource; write name:value or name(role):value");
}

TEST(ParseTest, Json) {
  EXPECT_EQ(R(R"( [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 45.55}, "unknown": [1]},
                   {"name": "ports", "type": "RANGES",
                    "ranges": {"range": [{"begin": 1, "end": 18446744073709551615}]}},
                   {"name": "pandas", "type": "SET", "set": {"item": ["lun_lun", "yang_yang"]}, "role": null}] )"),
            R("cpus:45.55;ports:[1-18446744073709551615];pandas:{lun_lun,yang_yang}"));
  EXPECT_TRUE(R("[]").empty());
}

TEST(ParseTest, JsonRolesAndDisks) {
  const std::string both_forms =
      R"([{"name": "disk", "type": "SCALAR", "scalar": {"value": 10}, "role": "r"},
          {"name": "disk", "type": "SCALAR", "scalar": {"value": 5},
           "reservations": [{"type": "STATIC", "role": "r"}]},
          {"name": "disk", "type": "SCALAR", "scalar": {"value": 2048}, "role": "*",
           "disk": {"source": {"type": "MOUNT", "mount": {"root": "/mnt/data"}}}},
          {"name": "disk", "type": "SCALAR", "scalar": {"value": 1}}])";
  EXPECT_EQ(R(both_forms, "other").ToString(),
            "disk(reservations: [(STATIC,r)]):15; disk(reservations: [(STATIC,other)]):1; "
            "disk[MOUNT:/mnt/data]:2048");
}

TEST(ParseTest, JsonRefused) {
  for (std::string_view bad :
       {R"({"name":"cpus","type":"SCALAR","scalar":{"value":1}})",
        R"([{"name":"cpus"} {"name":"mem"}])",
        R"([[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]])",
        R"([{"name":"a","type":"SET","set":{"item":["x"}}])",
        R"([{"name":"a","set":{"item":["x"]}}])",
        R"([{"name":"","type":"SET","set":{"item":["x"]}}])",
        R"([{"name":"a","type":"FLOATINGPOINT"}])",
        R"([{"name":"a","type":0,"scalar":{"value":1}}])",
        R"([{"name":"a","type":"SCALAR","scalar":{"value":-1}}])",
        R"([{"name":"a","type":"SCALAR","scalar":{"value":"1"}}])",
        R"([{"name":1,"type":"SCALAR","scalar":{"value":1}}])",
        R"([{"name":"a","type":"SCALAR","scalar":{}}])",
        R"([{"name":"a","type":"SCALAR","scalar":3}])",
        R"([{"name":"p","type":"RANGES","ranges":{"range":{}}}])",
        R"([{"name":"p","type":"RANGES","ranges":{"range":[{"begin":-1,"end":2}]}}])",
        R"([{"name":"p","type":"RANGES","ranges":{"range":[{"begin":1.5,"end":2}]}}])", "[1]",
        "[null]", R"([{"name":"a","type":"SCALAR","scalar":{"value":1}}] once upon a time)"}) {
    EXPECT_NE(Refusal(bad), "") << bad;
  }
  EXPECT_EQ(Refusal(R"([{"name":"p","type":"RANGES","ranges":{"range":[{"begin":1,"end":"x"}]}}])"),
            "resources[0].ranges.range[0].end: expected a whole number that is not negative");
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += '[';
  EXPECT_THAT(Refusal(deep), HasSubstr("JSON"));
}

// Only operations and estimators make these, not operators.
TEST(ParseTest, NotInFlags) {
  const std::string disk = R"([{"name":"disk","type":"SCALAR","scalar":{"value":1},"role":"r",)";
  EXPECT_THAT(Refusal(disk + R"("disk":{"persistence":{"id":"v"}}}])"),
              HasSubstr("persistent volumes"));
  EXPECT_THAT(Refusal(disk + R"("revocable":{}}])"), HasSubstr("revocable"));
  EXPECT_THAT(Refusal(disk + R"("reservation":{}}])"), HasSubstr("dynamic"));
  EXPECT_THAT(Refusal(disk + R"("allocation_info":{"role":"r"}}])"), HasSubstr("allocation_info"));
  EXPECT_THAT(Refusal("foo:1;foo:{a}"), HasSubstr("different types"));
}

}  // namespace
}  // namespace tepui
