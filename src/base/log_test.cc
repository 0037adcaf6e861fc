// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace tepui {
namespace {

TEST(LogTest, AMessageIsOneLineWithoutControlCharacters) {
  const std::string file = testing::TempDir() + "/tepui_log_test.log";
  std::filesystem::remove(file);
  const auto before = spdlog::default_logger();
  ASSERT_TRUE(
      SetUpLog({.quiet = true, .directory = testing::TempDir(), .program = "tepui_log_test"}));
  spdlog::info("Added framework {}", "a\nb\x1b[2Jc\x7f\xc2\x9bd \xc3\xa9\xe2\x82\xac");
  spdlog::set_default_logger(before);
  std::ifstream stream(file);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  EXPECT_TRUE(
      text.ends_with(" I Added framework a\\x0Ab\\x1B[2Jc\\x7F\xc2\\x9Bd \xc3\xa9\xe2\x82\xac\n"))
      << text;
}

}  // namespace
}  // namespace tepui
