// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace tepui {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Whoever can write to the directory could otherwise make the log appear in any file.
TEST(Log, ALinkIsNotWrittenTo) {
  char pattern[] = "/tmp/log_test.XXXXXX";
  const std::string directory = mkdtemp(pattern);
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
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace tepui
