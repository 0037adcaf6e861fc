// SPDX-License-Identifier: Apache-2.0
#include "zookeeper/address.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace tepui::zookeeper {
namespace {

TEST(Address, ServersAndPath) {
  const auto address = ParseAddress("zk://one:2181,two.example:12181,10.0.0.3:1/mesos");
  ASSERT_TRUE(address) << address.error().message;
  EXPECT_EQ(address->servers,
            (std::vector<HostPort>{{"one", 2181}, {"two.example", 12181}, {"10.0.0.3", 1}}));
  EXPECT_EQ(address->path, "/mesos");
  EXPECT_FALSE(address->credentials);
  EXPECT_EQ(address->Servers(), "one:2181,two.example:12181,10.0.0.3:1");
  EXPECT_EQ(address->ToString(), "zk://one:2181,two.example:12181,10.0.0.3:1/mesos");
}

TEST(Address, TheDefaultPortIsThatOfZooKeeper) {
  const auto address = ParseAddress("zk://one,[::1],[fe80::1%eth0]:99/a/b");
  ASSERT_TRUE(address) << address.error().message;
  EXPECT_EQ(address->servers,
            (std::vector<HostPort>{{"one", 2181}, {"::1", 2181}, {"fe80::1%eth0", 99}}));
  EXPECT_EQ(address->Servers(), "one:2181,[::1]:2181,[fe80::1%eth0]:99");
  EXPECT_EQ(address->path, "/a/b");
}

TEST(Address, CredentialsEndAtTheLastAtSignAndAreNotShown) {
  const auto address = ParseAddress("  zk://me:p@ss:word@one:1/path@home/ \n");
  ASSERT_TRUE(address) << address.error().message;
  EXPECT_EQ(address->credentials, "me:p@ss:word");
  EXPECT_EQ(address->servers, (std::vector<HostPort>{{"one", 1}}));
  EXPECT_EQ(address->path, "/path@home");
  EXPECT_EQ(address->ToString(), "zk://me@one:1/path@home");
}

TEST(Address, AnEmptyPasswordIsAPassword) {
  EXPECT_EQ(ParseAddress("zk://me:@one:1/p")->credentials, "me:");
}

TEST(Address, ComesFromAFile) {
  std::string name = "/tmp/tepui-address-XXXXXX";
  close(mkstemp(name.data()));
  std::ofstream(name) << "zk://one:1/path\n";
  EXPECT_EQ(ParseAddress("file://" + name)->ToString(), "zk://one:1/path");
  std::ofstream(name) << std::string(20'000, ' ') << "zk://one:1/path";
  EXPECT_FALSE(ParseAddress("file://" + name));
  unlink(name.c_str());
  const auto missing = ParseAddress("file://" + name);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find(name), std::string::npos);
  EXPECT_NE(missing.error().message.find("No such file"), std::string::npos);
}

TEST(Address, ErrorsNameWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "does not begin with 'zk://'"},
      {"http://one:1/p", "does not begin with 'zk://'"},
      {"zk://", "has no name"},
      {"zk:///p", "has no name"},
      {"zk://one:1", "has no path"},
      {"zk://one:1/", "has no path"},
      {"zk://one:1//", "has no path"},
      {"zk://one:1,/p", "has no name"},
      {"zk://,one:1/p", "has no name"},
      {"zk://:1/p", "has no name"},
      {"zk://one:/p", "'' is not a port"},
      {"zk://one:0/p", "'0' is not a port"},
      {"zk://one:65536/p", "'65536' is not a port"},
      {"zk://one:x/p", "'x' is not a port"},
      {"zk://one:1x/p", "'1x' is not a port"},
      {"zk://::1:2181/p", "has no name"},
      {"zk://[::1/p", "use [address]:port"},
      {"zk://[::1]1/p", "use [address]:port"},
      {"zk://o ne:1/p", "'o ne' is not the name"},
      {"zk://one:1/a//b", "a part of it is empty"},
      {"zk://one:1/a/./b", "a part of it is empty, . or .."},
      {"zk://one:1/..", "a part of it is empty, . or .."},
      {"zk://one:1/a\x01", "plain ASCII"},
      {"zk://one:1/\xC3\xA9", "plain ASCII"},
      {"zk://me@one:1/p", "are not user:password"},
      {"zk://:secret@one:1/p", "are not user:password"},
      {"zk://@one:1/p", "are not user:password"},
  };
  for (const auto& [text, words] : cases) {
    const auto address = ParseAddress(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Code::kInvalid);
    EXPECT_NE(address.error().message.find(words), std::string::npos)
        << text << ": " << address.error().message;
  }
}

TEST(Address, NoErrorShowsThePassword) {
  for (const char* text :
       {"zk://me:secret@/p", "zk://me:secret@one:x/p", "zk://me:secret@one:1",
        "zk://me:secret@one:1/a//b", "zk://:secret@one:1/p", "zk://me:secret/x@one:1/p"}) {
    const auto address = ParseAddress(text);
    ASSERT_FALSE(address);
    EXPECT_EQ(address.error().message.find("secret"), std::string::npos) << address.error().message;
  }
}

TEST(Address, LengthAndNumberAreBounded) {
  const std::string path(Address::kMaxPathBytes - 1, 'p');
  EXPECT_TRUE(ParseAddress("zk://one/" + path));
  EXPECT_FALSE(ParseAddress("zk://one/p" + path));
  std::string servers = "one";
  for (int i = 1; i < 64; ++i) servers += ",one";
  EXPECT_TRUE(ParseAddress("zk://" + servers + "/p"));
  EXPECT_FALSE(ParseAddress("zk://" + servers + ",one/p"));
}

}  // namespace
}  // namespace tepui::zookeeper
