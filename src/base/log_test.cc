// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tepui {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class LogTest : public testing::Test {
 protected:
  LogTest() {
    char pattern[] = "/tmp/log_test.XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  ~LogTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
};

// Whoever can write to the directory could otherwise make the log appear in any file.
TEST_F(LogTest, ALinkIsNotWrittenTo) {
  const std::string victim = directory_ + "/victim";
  std::ofstream(victim) << "text";
  LogOptions options;
  options.program = "program";
  options.directory = directory_;
  options.quiet = true;
  const std::string log = directory_ + "/program.log";
  for (const auto make : {&::symlink, &::link}) {
    ASSERT_EQ(make(victim.c_str(), log.c_str()), 0);
    const Status set = SetUpLog(options);
    ASSERT_FALSE(set.has_value());
    EXPECT_NE(set.error().message.find("there is a link instead of a file"), std::string::npos);
    ASSERT_EQ(::unlink(log.c_str()), 0);
  }
  EXPECT_EQ(Contents(victim), "text");
  const std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
  EXPECT_TRUE(SetUpLog(options));
  spdlog::info("a line");
  spdlog::set_default_logger(before);
  EXPECT_NE(Contents(log).find("a line"), std::string::npos);
}

TEST_F(LogTest, AMessageIsOneLineWithoutControlCharacters) {
  const auto before = spdlog::default_logger();
  ASSERT_TRUE(SetUpLog({.quiet = true, .directory = directory_, .program = "test"}));
  spdlog::info("Added framework {}",
               "a\nb\x1b[2Jc\x7f\xc2\x9b"
               "d \xc3\xa9\xe2\x82\xac");
  spdlog::set_default_logger(before);
  const std::string text = Contents(directory_ + "/test.log");
  EXPECT_TRUE(
      text.ends_with(" I Added framework a\\x0Ab\\x1B[2Jc\\x7F\xc2\\x9Bd \xc3\xa9\xe2\x82\xac\n"))
      << text;
}

}  // namespace
}  // namespace tepui
