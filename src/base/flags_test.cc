// SPDX-License-Identifier: Apache-2.0
#include "base/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace tepui {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using namespace std::chrono_literals;

// A file that is removed when the test ends.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    char name[] = "/tmp/flags_test.XXXXXX";
    const int fd = mkstemp(name);
    EXPECT_GE(fd, 0);
    close(fd);
    path_ = name;
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class FlagsTest : public ::testing::Test {
 protected:
  FlagsTest() {
    table_.Group("Network");
    table_.Add("port", &port_, "Port to listen on.").Check([this]() -> Status {
      if (port_ == 0) return Fail(Code::kInvalid, "must not be 0");
      return {};
    });
    table_.Add("ip", &ip_, "Address to listen on.");
    table_.Group("Agents");
    table_.Add("agent_ping_timeout", &ping_, "How long to wait.").Alias("slave_ping_timeout");
    table_.Add("hostname_lookup", &lookup_, "Whether to look the name up.");
    table_.Add("limit", &limit_, "How many.");
    table_.Add("factor", &factor_, "How much.");
    table_.AddBinding("cache_size", BindBytes(&size_), "How large.");
    table_.AddBinding("sorter", BindChoice(&fair_, {{"drf", true}, {"random", false}}),
                      "How to share.");
    table_.Add("acls", &acls_, "What is allowed.").AlsoPlainPath();
    table_.Add("key", &key_, "Where the key is.").IsPath();
    table_.Add("secret", &secret_, "A secret.").Secret();
    table_.AddUnsupported("zk", "", "leader election needs a later version");
    table_.AddUnsupported("zk_session_timeout", "10secs", "there is no ZooKeeper yet");
    table_.AddUnsupported("strict", "true", "recovery is always strict").Alias("old_strict");
  }

  FlagResult Parse(std::vector<std::string> words, std::vector<std::string> environment = {}) {
    return table_.Parse(words, environment);
  }

  uint16_t port_ = 5050;
  std::optional<std::string> ip_;
  Duration ping_ = 15s;
  bool lookup_ = true;
  std::optional<int> limit_;
  double factor_ = 0.5;
  uint64_t size_ = 2048;
  bool fair_ = true;
  std::string acls_;
  std::string key_;
  std::string secret_;
  FlagTable table_{{.program = "tepui test",
                    .purpose = "Tests flags.",
                    .arguments = "",
                    .environment_prefix = "MESOS_"}};
};

TEST_F(FlagsTest, EveryType) {
  const FlagResult result =
      Parse({"--port=80", "--ip=1.2.3.4", "--agent_ping_timeout=1.5mins", "--no-hostname_lookup",
             "--limit=-3", "--factor=1e3", "--cache_size=10KB"});
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_EQ(port_, 80);
  EXPECT_EQ(ip_, "1.2.3.4");
  EXPECT_EQ(ping_, 90s);
  EXPECT_FALSE(lookup_);
  EXPECT_EQ(limit_, -3);
  EXPECT_EQ(factor_, 1000);
  EXPECT_EQ(size_, 10240u);
}

TEST_F(FlagsTest, AChoiceHasAFewWords) {
  EXPECT_THAT(table_.Values(), Contains(Pair("sorter", "drf")));
  EXPECT_THAT(Parse({"--sorter=random"}).problems, IsEmpty());
  EXPECT_FALSE(fair_);
  EXPECT_THAT(table_.Values(), Contains(Pair("sorter", "random")));
}

TEST_F(FlagsTest, AWrongChoiceIsAnsweredWithTheWords) {
  EXPECT_THAT(Parse({"--sorter=fair"}).problems,
              ElementsAre("--sorter: 'fair' is not drf or random"));
  EXPECT_TRUE(fair_);
}

TEST_F(FlagsTest, ValueInTheNextWordAndDashesInNames) {
  const FlagResult result =
      Parse({"--port", "81", "--agent-ping-timeout", "2secs", "--limit", "-4"});
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(port_, 81);
  EXPECT_EQ(ping_, 2s);
  EXPECT_EQ(limit_, -4);
}

// Reference 7: booleans accept --no-foo.
TEST_F(FlagsTest, Switches) {
  lookup_ = false;
  EXPECT_THAT(Parse({"--hostname_lookup"}).problems, IsEmpty());
  EXPECT_TRUE(lookup_);
}

TEST_F(FlagsTest, SwitchWithValue) {
  EXPECT_THAT(Parse({"--hostname_lookup=0"}).problems, IsEmpty());
  EXPECT_FALSE(lookup_);
}

TEST_F(FlagsTest, ASwitchDoesNotTakeTheNextWord) {
  EXPECT_THAT(Parse({"--hostname_lookup", "false"}).problems,
              ElementsAre(HasSubstr("'false' is not a flag")));
}

TEST_F(FlagsTest, AllProblemsAtOnce) {
  const FlagResult result =
      Parse({"--port=70000", "--prot=1", "--agent_ping_timeout=5", "--hostname_lookup=maybe",
             "--limit", "--no-ip", "--no-hostname-lookup=true", "stray", "-x", "--cache_size=1.5KB",
             "--factor=nan", "--zk=zk://a/b"});
  EXPECT_THAT(
      result.problems,
      ElementsAre(HasSubstr("--port: expected a whole number from 0 to 65535, not '70000'"),
                  HasSubstr("--prot is not a flag of tepui test; did you mean --port?"),
                  HasSubstr("--agent_ping_timeout: '5' has no unit"),
                  HasSubstr("--hostname_lookup: expected true or false, not 'maybe'"),
                  HasSubstr("--limit needs a value"), HasSubstr("--no-ip: --ip takes a value"),
                  HasSubstr("--hostname_lookup is given more than once"),
                  HasSubstr("'stray' is not a flag"), HasSubstr("'-x' is not a flag"),
                  HasSubstr("--cache_size: '1.5KB' is not a size"),
                  HasSubstr("--factor: expected a number"),
                  HasSubstr("--zk: not supported yet: leader election")));
}

TEST_F(FlagsTest, ABadValueLeavesTheDefault) {
  Parse({"--port=x", "--agent_ping_timeout=-1secs"});
  EXPECT_EQ(port_, 5050);
  EXPECT_EQ(ping_, 15s);
}

TEST_F(FlagsTest, NoSuggestionForNamesFarAway) {
  const FlagResult result = Parse({"--completely_different", "--" + std::string(100'000, 'a')});
  ASSERT_THAT(result.problems, SizeIs(2));
  EXPECT_THAT(result.problems[0], Not(HasSubstr("did you mean")));
}

TEST_F(FlagsTest, GivenTwice) {
  EXPECT_THAT(
      Parse({"--port=1", "--port", "2", "--slave_ping_timeout=1secs", "--agent_ping_timeout=2secs"})
          .problems,
      ElementsAre("--port is given more than once",
                  "--agent_ping_timeout is given more than once"));
  EXPECT_EQ(port_, 1);
}

TEST_F(FlagsTest, ChecksRunOnGivenFlags) {
  EXPECT_THAT(Parse({"--port=0"}).problems, ElementsAre("--port must not be 0"));
}

TEST_F(FlagsTest, OldNamesWarn) {
  const FlagResult result = Parse({"--slave_ping_timeout=3secs"});
  EXPECT_EQ(ping_, 3s);
  EXPECT_THAT(result.warnings,
              ElementsAre("--slave_ping_timeout is an old name: write --agent_ping_timeout"));
  EXPECT_TRUE(table_.Given("agent_ping_timeout"));
  EXPECT_FALSE(table_.Given("port"));
}

// Reference 7: any flag --foo is also read from MESOS_FOO.
TEST_F(FlagsTest, EnvironmentGivesWayToTheCommandLine) {
  const FlagResult result = Parse(
      {"--port=1"}, {"MESOS_PORT=2", "MESOS_IP=9.9.9.9", "MESOS_SLAVE_PING_TIMEOUT=7secs",
                     "MESOS_LIMIT=", "MESOS_UNKNOWN=1", "PORT=3", "MESOS_HOSTNAME_LOOKUP=no"});
  EXPECT_EQ(port_, 1);
  EXPECT_EQ(ip_, "9.9.9.9");
  EXPECT_EQ(ping_, 7s);
  EXPECT_EQ(limit_, std::nullopt);
  EXPECT_THAT(result.warnings,
              ElementsAre("MESOS_SLAVE_PING_TIMEOUT is an old name: set MESOS_AGENT_PING_TIMEOUT"));
  EXPECT_THAT(result.problems,
              ElementsAre("MESOS_HOSTNAME_LOOKUP: expected true or false, not 'no'"));
}

TEST_F(FlagsTest, ValuesFromFiles) {
  const TemporaryFile file("8080\n");
  const FlagResult result = Parse({"--port=file://" + file.path(), "--acls=" + file.path(),
                                   "--key=file:///no/such", "--ip=file:///no/such/file"});
  EXPECT_EQ(port_, 8080);
  EXPECT_EQ(acls_, "8080");
  EXPECT_EQ(key_, "/no/such");
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("write file://")));
  EXPECT_THAT(result.problems, ElementsAre("--ip: cannot open the file '/no/such/file'"));
}

TEST_F(FlagsTest, ADirectoryIsNoFile) {
  EXPECT_THAT(Parse({"--ip=file:///tmp"}).problems,
              ElementsAre(HasSubstr("cannot read the file '/tmp'")));
}

TEST_F(FlagsTest, UnsupportedFlagsKeepTheirDefault) {
  EXPECT_THAT(Parse({"--zk_session_timeout=10000ms", "--strict"}).problems, IsEmpty());
}

TEST_F(FlagsTest, UnsupportedFlagsRefuseOtherValues) {
  EXPECT_THAT(
      Parse({"--zk_session_timeout=20secs", "--no-old_strict"}, {"MESOS_ZK=zk://x"}).problems,
      ElementsAre(
          "--zk_session_timeout: not supported yet: there is no ZooKeeper yet (only 10secs is "
          "accepted)",
          "--no-old_strict: not supported yet: recovery is always strict (only true is accepted)",
          "MESOS_ZK: not supported yet: leader election needs a later version"));
}

TEST_F(FlagsTest, HelpAndVersionDoNotNeedTheRest) {
  const FlagResult result = Parse({"--version", "-h"});
  EXPECT_TRUE(result.help);
  EXPECT_TRUE(result.version);
}

TEST_F(FlagsTest, HelpShowsGroupsDefaultsAndWraps) {
  const std::string help = table_.Help(80);
  EXPECT_THAT(help, HasSubstr("\nNetwork:\n  --port=NUMBER"));
  EXPECT_THAT(help, HasSubstr("Port to listen on. (default: 5050)"));
  EXPECT_THAT(help, HasSubstr("  --agent_ping_timeout=DURATION"));
  EXPECT_THAT(help, HasSubstr("(default: 15secs)"));
  EXPECT_THAT(help, HasSubstr("  --[no-]hostname_lookup"));
  EXPECT_THAT(
      help, HasSubstr("only their default value is accepted:\n  zk, zk_session_timeout, strict\n"));
  for (size_t begin = 0; begin < help.size();) {
    const size_t end = help.find('\n', begin);
    EXPECT_LE(end - begin, 80u) << help.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST_F(FlagsTest, ValuesHideSecretsAndLeaveOutTheUnset) {
  Parse({"--secret=hush"});
  const auto values = table_.Values();
  EXPECT_THAT(values, Contains(Pair("secret", "(hidden)")));
  EXPECT_THAT(values, Contains(Pair("cache_size", "2KB")));
  EXPECT_THAT(values, Contains(Pair("zk_session_timeout", "10secs")));
  EXPECT_THAT(values, Not(Contains(Pair("ip", ::testing::_))));
  EXPECT_THAT(values, Not(Contains(Pair("zk", ::testing::_))));
}

TEST(FlagTableTest, MissingRequiredFlagsAreReported) {
  std::string master;
  FlagTable table({.program = "p", .purpose = "", .arguments = "", .environment_prefix = ""});
  table.Add("master", &master, "Where the master is.").Required();
  EXPECT_THAT(table.Parse({}, {"MASTER=a"}).problems,
              ElementsAre("--master is missing: Where the master is."));
}

TEST(FlagTableTest, ArgumentsEndTheFlags) {
  std::string name;
  FlagTable table(
      {.program = "p", .purpose = "", .arguments = "[--] command", .environment_prefix = ""});
  table.Add("name", &name, "A name.");
  const FlagResult result = table.Parse({"--name=n", "--", "ls", "--name=x", "--", "-l"}, {});
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.arguments, ElementsAre("ls", "--name=x", "--", "-l"));
}

TEST(FlagTableTest, TheFirstWordEndsTheFlags) {
  std::string name;
  FlagTable table(
      {.program = "p", .purpose = "", .arguments = "command", .environment_prefix = ""});
  table.Add("name", &name, "A name.");
  EXPECT_THAT(table.Parse({"echo", "--name=x"}, {}).arguments, ElementsAre("echo", "--name=x"));
  EXPECT_EQ(name, "");
}

TEST(FlagTableTest, FlagsMayFollowArguments) {
  std::string name;
  FlagTable table({.program = "p",
                   .purpose = "",
                   .arguments = "file",
                   .environment_prefix = "",
                   .flags_after_arguments = true});
  table.Add("name", &name, "The name.");
  const FlagResult result = table.Parse({"a.json", "--name=x", "b.json", "--", "--name=y"}, {});
  EXPECT_THAT(result.arguments, ElementsAre("a.json", "b.json", "--name=y"));
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(name, "x");
}

}  // namespace
}  // namespace tepui
