// SPDX-License-Identifier: Apache-2.0
#include "containers/fetch/fetch_source.h"

#include <gtest/gtest.h>

namespace tepui::containers {
namespace {

mesos::v1::CommandInfo::URI Uri(const std::string& value) {
  mesos::v1::CommandInfo::URI uri;
  uri.set_value(value);
  return uri;
}

// Reference 5.6.
TEST(FetchSource, Locations) {
  const auto location = [](const std::string& value) {
    return ParseFetchUri(Uri(value), "/frameworks")->location;
  };
  EXPECT_EQ(location("file:///a/b"), "/a/b");
  EXPECT_EQ(location("file://localhost/a/b"), "/a/b");
  EXPECT_EQ(location("/a/b"), "/a/b");
  EXPECT_EQ(location("a/b"), "/frameworks/a/b");
  EXPECT_EQ(location("http://h:1/x/y?z=1"), "http://h:1/x/y?z=1");
}

TEST(FetchSource, OutputIsTheBaseNameUnlessGiven) {
  EXPECT_EQ(ParseFetchUri(Uri("http://h/x/y.tgz"), "")->output, "y.tgz");
  auto uri = Uri("/a/b");
  uri.set_output_file("c/d");
  EXPECT_EQ(ParseFetchUri(uri, "")->output, "c/d");
}

std::string OutputOf(const std::string& value) {
  const auto source = ParseFetchUri(Uri(value), "");
  return source ? source->output : source.error().message;
}

TEST(FetchSource, QueryAndFragmentAreNotPartOfTheName) {
  EXPECT_EQ(OutputOf("http://h/x/y.tgz?token=a/b#c/d"), "y.tgz");
  EXPECT_EQ(OutputOf("https://h/y.tgz#sha=1"), "y.tgz");
  EXPECT_EQ(OutputOf("http://h/get/?file=y.tgz"), "get");
  EXPECT_EQ(OutputOf("http://h/a%20b.txt"), "a%20b.txt");  // As in Mesos.
  EXPECT_EQ(OutputOf("http://h/y?" + std::string(1000, 'q')), "y");
  EXPECT_TRUE(ParseFetchUri(Uri("http://h/y.tgz?z=1"), "")->extract);
  EXPECT_FALSE(ParseFetchUri(Uri("http://h/y?z=1.tgz"), "")->extract);
  EXPECT_EQ(ParseFetchUri(Uri("http://h/y.tgz?z=1#c"), "")->location, "http://h/y.tgz?z=1#c");
  // Files may have these characters in their names.
  EXPECT_EQ(OutputOf("/a/b?c#d"), "b?c#d");
  auto named = Uri("http://h/?z=1.tgz");
  EXPECT_FALSE(ParseFetchUri(named, "").has_value());
  named.set_output_file("x.zip");
  EXPECT_TRUE(ParseFetchUri(named, "")->extract);
}

TEST(FetchSource, ALongNameIsCut) {
  const std::string cut = OutputOf("http://h/" + std::string(300, 'n') + ".tar.gz?q");
  EXPECT_EQ(cut, std::string(248, 'n') + ".tar.gz");
  const std::string accents = OutputOf("http://h/x" + [] {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "\u00fc";
    return text;
  }());
  EXPECT_EQ(accents.size(), 255u);
  EXPECT_EQ(OutputOf("http://h/" + std::string(254, 'n') + "\u00fc"), std::string(254, 'n'));
}

TEST(FetchSource, ExtractsArchivesThatAreNotExecutable) {
  EXPECT_TRUE(ParseFetchUri(Uri("/a/b.tar.xz"), "")->extract);
  EXPECT_FALSE(ParseFetchUri(Uri("/a/b.txt"), "")->extract);
  auto uri = Uri("/a/b.zip");
  uri.set_executable(true);
  EXPECT_FALSE(ParseFetchUri(uri, "")->extract);
  uri.set_executable(false);
  uri.set_extract(false);
  EXPECT_FALSE(ParseFetchUri(uri, "")->extract);
}

TEST(FetchSource, RefusesWhatItCannotOrMustNotFetch) {
  for (const char* value :
       {"", "hdfs://h/x", "http://", "http:///x", "http://h", "http://h/", "file://h/x",
        "http://h?x/y", "http://h#x/y", "a/b", "/a/", "/a/..", "/a\nb", "gopher://h/x"}) {
    const auto source = ParseFetchUri(Uri(value), "");
    ASSERT_FALSE(source.has_value()) << value;
    EXPECT_EQ(source.error().code, Code::kInvalid);
    EXPECT_NE(source.error().message.find(value), std::string::npos) << source.error().message;
  }
  for (const char* output : {"/etc/x", "../x", "a/../../x", "a//b", "", ".", "a/."}) {
    auto uri = Uri("/a/b");
    uri.set_output_file(output);
    EXPECT_FALSE(ParseFetchUri(uri, "").has_value()) << output;
  }
}

}  // namespace
}  // namespace tepui::containers
