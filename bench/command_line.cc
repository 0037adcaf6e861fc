// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace tepui::bench {

CommandLine::CommandLine(const std::string& program, const std::string& purpose,
                         const std::string& arguments)
    : program_(program),
      table_({.program = program,
              .purpose = purpose,
              .arguments = arguments,
              .environment_prefix = "",
              .flags_after_arguments = true}) {}

void CommandLine::AddNumber(std::string name, int* target, int least, int most, std::string help) {
  table_.Add(std::move(name), target, std::move(help)).Check([=]() -> Status {
    if (least <= *target && *target <= most) return {};
    return Fail(Code::kInvalid, "must be from {} to {}", least, most);
  });
}

void CommandLine::AddChoice(std::string name, std::string* target, std::vector<std::string> choices,
                            std::string help) {
  table_.Add(std::move(name), target, std::move(help))
      .Check([target, choices = std::move(choices)]() -> Status {
        if (std::ranges::find(choices, *target) != choices.end()) return {};
        return Fail(Code::kInvalid, "must be one of {}", fmt::join(choices, ", "));
      });
}

std::vector<std::string> CommandLine::Parse(int argc, char** argv) {
  FlagResult result = table_.Parse({argv + 1, argv + argc}, {});
  if (result.help) {
    fmt::print("{}", table_.Help());
    std::exit(0);
  }
  if (!result.problems.empty()) Refuse(result.problems);
  return std::move(result.arguments);
}

void CommandLine::Refuse(const std::vector<std::string>& problems) const {
  for (const std::string& problem : problems) fmt::print(stderr, "{}: {}\n", program_, problem);
  std::exit(2);
}

}  // namespace tepui::bench
