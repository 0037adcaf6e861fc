// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http.h"

namespace tepui::net {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Url, SplitsAndUnescapes) {
  const auto url =
      ParseTarget("/files/a%20b+c?path=%2Ftmp%2Fx&offset=10;length&&q=a+b&path=2#part");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->path, "/files/a b+c");
  EXPECT_THAT(url->query, ElementsAre(Pair("path", "/tmp/x"), Pair("offset", "10"),
                                      Pair("length", ""), Pair("q", "a b"), Pair("path", "2")));
  EXPECT_EQ(*url->Query("path"), "/tmp/x");
  EXPECT_EQ(url->Query("none"), nullptr);
}

TEST(Url, RefusesWhatCannotBeUnescaped) {
  for (const char* target : {"", "?a=b", "*", "health", "/%", "/%4", "/%zz", "/%%41", "/%-1",
                             "/a%00b", "/?a=%", "/?%g0=1", "/?a=%00", "http://host/"}) {
    const auto url = ParseTarget(target);
    ASSERT_FALSE(url) << target;
    EXPECT_EQ(url.error().code, Code::kInvalid) << target;
  }
}

TEST(Url, EscapesEverythingThatIsNotUnreserved) {
  EXPECT_EQ(PercentEncode("aZ09-_.~ /%+\xff"), "aZ09-_.~%20%2F%25%2B%FF");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(PercentDecode(PercentEncode(all), true), all);
}

TEST(Headers, CompareWithoutCase) {
  Headers headers;
  headers.Add("Accept", "a");
  headers.Add("ACCEPT", "b");
  EXPECT_EQ(*headers.Find("accept"), "a");
  headers.Set("accept", "c");
  EXPECT_EQ(headers.entries().size(), 1U);
  EXPECT_EQ(*headers.Find("Accept"), "c");
  EXPECT_EQ(headers.Find("Accep"), nullptr);
}

}  // namespace
}  // namespace tepui::net
