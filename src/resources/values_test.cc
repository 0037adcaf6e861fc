// SPDX-License-Identifier: Apache-2.0
#include "resources/values.h"

#include <gtest/gtest.h>

namespace tepui {
namespace {

v1::Value Parsed(std::string_view text) {
  auto value = ParseValue(text);
  EXPECT_TRUE(value.has_value()) << text << ": " << value.error().message;
  return value.value_or(v1::Value());
}

TEST(ParseValueTest, Scalars) {
  for (auto [text, number] :
       std::initializer_list<std::pair<std::string_view, double>>{{"4", 4},
                                                                  {" 45.55 ", 45.55},
                                                                  {"0", 0},
                                                                  {"-0", 0},
                                                                  {"1e3", 1000},
                                                                  {"+2", 2},
                                                                  {"0x10", 16},
                                                                  {"1 000", 1000}}) {
    const v1::Value value = Parsed(text);
    EXPECT_EQ(value.type(), v1::Value::SCALAR) << text;
    EXPECT_EQ(value.scalar().value(), number) << text;
    EXPECT_FALSE(std::signbit(value.scalar().value())) << text;
  }
}

TEST(ParseValueTest, WhatIsNoNumberIsText) {
  for (std::string_view text :
       {"r1", "-5", "inf", "nan", "1e999", "4x", "0x1.8p3", "+-2", "http://h:80/p"}) {
    const v1::Value value = Parsed(text);
    EXPECT_EQ(value.type(), v1::Value::TEXT) << text;
    EXPECT_EQ(value.text().value(), text);
  }
  EXPECT_EQ(Parsed("row 1 ").text().value(), "row1");
}

TEST(ParseValueTest, Ranges) {
  EXPECT_EQ(FormatValue(Parsed("[31000-32000]").ranges()), "[31000-32000]");
  EXPECT_EQ(FormatValue(Parsed("[ 5-9, 1-2,3-3 ]").ranges()), "[1-3, 5-9]");
  EXPECT_EQ(FormatValue(Parsed("[0-18446744073709551615]").ranges()), "[0-18446744073709551615]");
  EXPECT_EQ(Parsed("[]").type(), v1::Value::RANGES);
}

TEST(ParseValueTest, Sets) {
  EXPECT_EQ(FormatValue(Parsed("{b, a}").set()), "{b, a}");
  EXPECT_EQ(Parsed("{}").type(), v1::Value::SET);
}

TEST(ParseValueTest, Refuses) {
  for (std::string_view bad :
       {"",       "  ",    "[1-2",      "1-2]",    "{a",      "(a",
        "[2-1]",  "[1]",   "[1,2]",     "[a-b]",   "[-1-2]",  "[1-18446744073709551616]",
        "[1-2]x", "a[1]",  "a{b}",      "{a,{b}}", "[[1-2]]", "0.0001",
        "1e-310", "]1-2[", "[1-2][3-4]"}) {
    auto value = ParseValue(bad);
    ASSERT_FALSE(value) << bad;
    EXPECT_EQ(value.error().code, Code::kInvalid);
  }
}

TEST(AttributesTest, Parses) {
  auto attributes =
      ParseAttributes("rack:r1;os:[1-3];disks:{a,b};load:1.5\nurl:http://h:80 ;rack:r2");
  ASSERT_TRUE(attributes) << attributes.error().message;
  EXPECT_EQ(FormatAttributes(*attributes),
            "rack=r1; os=[1-3]; disks={a, b}; load=1.5; url=http://h:80; rack=r2");
  EXPECT_EQ(attributes->Get(0).type(), v1::Value::TEXT);
  EXPECT_EQ(attributes->Get(1).type(), v1::Value::RANGES);
  EXPECT_EQ(attributes->Get(2).type(), v1::Value::SET);
  EXPECT_EQ(attributes->Get(3).type(), v1::Value::SCALAR);
  EXPECT_TRUE(ParseAttributes("")->empty());
}

TEST(AttributesTest, SentenceSaysWhichAttribute) {
  EXPECT_EQ(ParseAttributes("rack:r1;broken").error().message,
            "'broken' is not an attribute; write name:value, as in rack:r1");
  EXPECT_EQ(ParseAttributes("os:[3-1]").error().message,
            "attribute 'os': the range '3-1' ends before it begins");
  EXPECT_FALSE(ParseAttributes(":r1"));
  EXPECT_FALSE(ParseAttributes("rack:"));
}

}  // namespace
}  // namespace tepui
