// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/command.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/version.h"

namespace tepui::cli {
namespace {

size_t TerminalColumns() {
  constexpr size_t kNarrow = 60;
  constexpr size_t kWide = 120;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
  return std::clamp<size_t>(size.ws_col, kNarrow, kWide);
}

}  // namespace

std::string VersionLine() {
  return fmt::format("tepui {} (speaks Mesos {})", kVersion, kMesosVersion);
}

std::optional<int> AnswerQuestions(const FlagTable& table, const FlagResult& result) {
  if (result.help) {
    fmt::print("{}", table.Help(TerminalColumns()));
    return kSuccess;
  }
  if (result.version) {
    fmt::print("{}\n", VersionLine());
    return kSuccess;
  }
  return std::nullopt;
}

int ReportProblems(const std::string& program, const std::vector<std::string>& problems) {
  fmt::print(stderr, "{} cannot start:\n", program);
  for (const std::string& problem : problems) fmt::print(stderr, "  {}\n", problem);
  fmt::print(stderr, "See {} --help\n", program);
  return kUsageError;
}

}  // namespace tepui::cli
