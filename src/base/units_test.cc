// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>

namespace tepui {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

// Reference 7: suffixes ns, us, ms, secs, mins, hrs, days, weeks.
TEST(ParseDurationTest, EveryUnit) {
  EXPECT_EQ(ParseDuration("7ns"), Duration(7));
  EXPECT_EQ(ParseDuration("7us"), Duration(7us));
  EXPECT_EQ(ParseDuration("7ms"), Duration(7ms));
  EXPECT_EQ(ParseDuration("15secs"), Duration(15s));
  EXPECT_EQ(ParseDuration("10mins"), Duration(10min));
  EXPECT_EQ(ParseDuration("6hrs"), Duration(6h));
  EXPECT_EQ(ParseDuration("2days"), Duration(48h));
  EXPECT_EQ(ParseDuration("2weeks"), Duration(336h));
}

TEST(ParseDurationTest, FractionsAndSign) {
  EXPECT_EQ(ParseDuration("1.5mins"), Duration(90s));
  EXPECT_EQ(ParseDuration(".5secs"), Duration(500ms));
  EXPECT_EQ(ParseDuration("5.secs"), Duration(5s));
  EXPECT_EQ(ParseDuration("0.1secs"), Duration(100ms));
  EXPECT_EQ(ParseDuration("-2.5secs"), Duration(-2500ms));
  EXPECT_EQ(ParseDuration("0secs"), Duration::zero());
  EXPECT_EQ(ParseDuration("000000000000000000000000001secs"), Duration(1s));
  EXPECT_EQ(ParseDuration("0.00000000000000000000000000009weeks"), Duration::zero());
}

TEST(ParseDurationTest, LimitsAreExact) {
  EXPECT_EQ(ParseDuration("9223372036854775807ns"), Duration::max());
  EXPECT_FALSE(ParseDuration("9223372036854775808ns"));
  EXPECT_FALSE(ParseDuration("99999999999999999999999999999999999999999999secs"));
  EXPECT_FALSE(ParseDuration("16000weeks"));
}

TEST(ParseDurationTest, RefusesWhatIsNoDuration) {
  for (const std::string_view text : {"", "-", ".", "secs", "abc", "1", "1.2.3secs", "1 secs",
                                      "1sec", "1e3secs", "+1secs", "--1secs", "1secs "}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
  EXPECT_THAT(ParseDuration("5").error().message, HasSubstr("no unit"));
  EXPECT_THAT(ParseDuration("5s").error().message, HasSubstr("unknown unit 's'"));
}

TEST(FormatDurationTest, LargestReadableUnit) {
  EXPECT_EQ(FormatDuration(15s), "15secs");
  EXPECT_EQ(FormatDuration(90s), "1.5mins");
  EXPECT_EQ(FormatDuration(240h), "10days");
  EXPECT_EQ(FormatDuration(168h), "1weeks");
  EXPECT_EQ(FormatDuration(10min), "10mins");
  EXPECT_EQ(FormatDuration(1234567ns), "1234.567us");
  EXPECT_EQ(FormatDuration(1ns), "1ns");
  EXPECT_EQ(FormatDuration(Duration::zero()), "0ns");
  EXPECT_EQ(FormatDuration(-1500ms), "-1.5secs");
}

TEST(FormatDurationTest, ReadsBackExactly) {
  for (int64_t count :
       {int64_t{1}, int64_t{999}, int64_t{1001}, int64_t{123456789}, int64_t{86'400'000'000'001},
        int64_t{-90'000'000'000}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(ParseDuration(FormatDuration(Duration(count))), Duration(count)) << count;
  }
  EXPECT_EQ(FormatDuration(Duration::min()), "-9223372036854775.808us");
}

// Reference 7: bytes B/KB/MB/GB/TB, powers of 1024.
TEST(ParseBytesTest, EveryUnit) {
  EXPECT_EQ(ParseBytes("5B"), 5u);
  EXPECT_EQ(ParseBytes("10KB"), 10240u);
  EXPECT_EQ(ParseBytes("10mb"), 10u << 20);
  EXPECT_EQ(ParseBytes("2GB"), uint64_t{2} << 30);
  EXPECT_EQ(ParseBytes("1TB"), uint64_t{1} << 40);
}

TEST(ParseBytesTest, RefusesWhatIsNoSize) {
  for (const std::string_view text :
       {"", "B", "1", "1.5KB", "-1KB", "1PB", "1 KB", "99999999TB", "18446744073709551616B",
        "999999999999999999999999999999999999999999B"}) {
    EXPECT_FALSE(ParseBytes(text)) << text;
  }
  EXPECT_EQ(ParseBytes("18446744073709551615B"), std::numeric_limits<uint64_t>::max());
}

TEST(FormatBytesTest, LargestWholeUnit) {
  EXPECT_EQ(FormatBytes(0), "0B");
  EXPECT_EQ(FormatBytes(1025), "1025B");
  EXPECT_EQ(FormatBytes(10240), "10KB");
  EXPECT_EQ(FormatBytes(uint64_t{2} << 30), "2GB");
}

}  // namespace
}  // namespace tepui
