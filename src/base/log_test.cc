// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/testing/temporary_directory.h"

namespace tepui {
namespace {

// Whoever can write to the directory could otherwise make the log appear in any file.
TEST(Log, ALinkIsNotWrittenTo) {
  const TemporaryDirectory temporary;
  const std::string directory = temporary.path();
  const std::string victim = directory + "/victim";
  std::ofstream(victim) << "text";
  LogOptions options;
  options.program = "program";
  options.directory = directory;
  options.quiet = true;
  const std::string log = directory + "/program.log";
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

TEST(LogTest, AMessageIsOneLineWithoutControlCharacters) {
  TemporaryDirectory directory;
  const auto before = spdlog::default_logger();
  ASSERT_TRUE(SetUpLog({.quiet = true, .directory = directory.path(), .program = "test"}));
  spdlog::info("Added framework {}", "a\nb\x1b[2Jc\x7f\xc2\x9bd \xc3\xa9\xe2\x82\xac");
  spdlog::set_default_logger(before);
  const std::string text = Contents(directory.path() + "/test.log");
  EXPECT_TRUE(
      text.ends_with(" I Added framework a\\x0Ab\\x1B[2Jc\\x7F\xc2\\x9Bd \xc3\xa9\xe2\x82\xac\n"))
      << text;
}

}  // namespace
}  // namespace tepui
