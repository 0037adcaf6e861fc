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
  for (const char* value : {"", "hdfs://h/x", "http://", "http:///x", "http://h", "http://h/",
                            "file://h/x", "a/b", "/a/", "/a/..", "/a\nb", "gopher://h/x"}) {
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
